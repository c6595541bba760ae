import { ChunkSet, createTensorReader, manifestHash, numberChunks } from '@opengateway/core';
import { UnsupportedModelError } from '../engines/errors.ts';
import { keepInPlace, keepInStore, keepNothing } from '../storage/chunk-keeper.ts';
import { createHttpSource } from '../storage/http-source.ts';
import { StoredChunksLostError } from '../storage/errors.ts';
import { createStoredSource } from '../storage/stored-source.ts';
import { LoadAbortedError, NothingKeptError } from './errors.ts';
import { openExchangeSource } from './exchange-source.ts';
import { fetchToStore, lackOfRoom } from './keep-beside.ts';
import { makeRoom } from './make-room.ts';
import type { ChunkSource, LayerRange, ModelManifest, TensorReader } from '@opengateway/core';
import type { WeightsLocation } from '../api.ts';
import type { ExchangeSource } from './exchange-source.ts';
import type { RoomWanted } from './make-room.ts';
import type { WeightsStore } from '../storage/weights-store.ts';

/** Chunks held while a model is loaded: half of the reader's own default, as the model beside them is large. */
const HELD_CHUNKS = 4;

export interface OpenedWeights {
  readonly reader: TensorReader;
  /** Bytes that came over the network since this was opened. */
  fetchedBytes(): number;
  /** Of all that is fetched ahead of the reader; absent where nothing is. */
  progress?(): { readonly hereBytes: number; readonly wantedBytes: number };
  /**
   * Why what is fetched is not kept, if so (`storage_full`, `store_busy`, `store_lost`), else that some of what was
   * kept is gone (`stored_chunks_lost`).
   */
  storeFailure?(): unknown;
  /**
   * Resolves when all of it is on this device. Tells how far that is in bytes. Absent where only who runs it can.
   *
   * @throws why it cannot be kept: `storage_too_small`, `storage_full`, `store_busy`; what the source throws.
   */
  fetchAll?(options: {
    readonly signal: AbortSignal;
    readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  }): Promise<void>;
  /** Ends reading; what is kept is still given to peers. */
  close(): Promise<void>;
  /** Ends that too. Absent where peers get nothing. */
  leave?(): Promise<void>;
}

export interface OpenWeightsOptions {
  /** Most that may be kept here, of all models. @default what the store allows */
  readonly storageBytes?: number | undefined;
  /** Whether models used longer ago may go for it. @default true */
  readonly makesRoom?: boolean;
  /** To the page, which trades chunks with peers and the server. @default chunks come from the server only */
  readonly port?: MessagePort | undefined;
  /** Called when a chunk came that a reader may not have asked for. */
  readonly onFetched?: () => void;
}

/** Where this host's weights come from and are kept. */
export interface WeightsPlatform {
  open(
    manifest: ModelManifest,
    layers: LayerRange,
    location: WeightsLocation,
    options?: OpenWeightsOptions,
  ): Promise<OpenedWeights>;
  /** Bytes of weights kept here, of all models. */
  storedBytes(): Promise<number>;
  /** Removes all weights kept here. */
  forget(): Promise<void>;
}

export interface WeightsPlatformComponents {
  /** Absent: what is fetched is not kept. */
  readonly store?: WeightsStore;
  /** What the browser or the disk would still take, in bytes. @default not known */
  readonly freeBytes?: () => Promise<number | undefined>;
  /** Absent where there are no local folders. */
  readonly openDirectory?: (path: string) => ChunkSource;
  readonly fetch?: typeof fetch;
}

export function createWeightsPlatform(components: WeightsPlatformComponents): WeightsPlatform {
  const { store, openDirectory, fetch } = components;
  /** Counting opens every stored file, so it is done once after each change. */
  let counted: Promise<number> | null = null;

  /** Why these layers may not be kept. */
  const refuseToKeep = async (wanted: Omit<RoomWanted, 'freeBytes'>, makesRoom: boolean): Promise<unknown> => {
    if (store === undefined) return undefined;
    try {
      const freeBytes = (await components.freeBytes?.().catch(() => undefined)) ?? Infinity;
      return await (makesRoom ? makeRoom : lackOfRoom)(store, { ...wanted, freeBytes });
    } catch (error) {
      // A store that fails never fails the load.
      return error;
    }
  };
  const openSource = async (
    manifest: ModelManifest,
    layers: LayerRange,
    location: WeightsLocation,
    { storageBytes = Infinity, makesRoom = true, port }: OpenWeightsOptions,
    notes: SourceNotes,
  ): Promise<ChunkSource & Partial<Pick<ExchangeSource, 'progress'>>> => {
    if (location.kind === 'package') throw new UnsupportedModelError('There is no engine for packages here.');
    if (location.kind === 'directory') {
      if (openDirectory === undefined) throw new UnsupportedModelError('There are no local folders here.');
      const source = openDirectory(location.path);
      if (port === undefined) return source;
      const chunks = numberChunks(manifest);
      const keeper = keepInPlace(source, chunks);
      const exchanged = await openExchangeSource(
        { port, chunks, keeper },
        { wanted: new ChunkSet(chunks.count), ...notes },
      );
      // Who reads for itself gets the folder's own errors, and its chunks verified once.
      return {
        readChunk: (file, index, options) => source.readChunk(file, index, options),
        close: () => exchanged.close(),
      };
    }
    const hash = await manifestHash(manifest);
    const failure = await refuseToKeep({ manifest, hash, layers, storageBytes }, makesRoom);
    if (failure !== undefined) notes.onStoreFailure(failure);
    const keeps = store !== undefined && failure === undefined;
    if (port !== undefined) {
      const chunks = numberChunks(manifest);
      const keeper = keeps ? keepInStore(store, hash, chunks) : keepNothing(chunks);
      const wanted = keeps ? chunks.ofRange(layers) : new ChunkSet(chunks.count);
      return openExchangeSource({ port, chunks, keeper }, { wanted, ...notes });
    }
    const source = createHttpSource({ baseUrl: location.baseUrl }, fetch === undefined ? {} : { fetch });
    if (!keeps) return counting(source, notes.onFetched);
    return createStoredSource({ manifest: hash, store, source }, notes);
  };

  return {
    async open(manifest, layers, location, options = {}) {
      let fetchedBytes = 0;
      let storeFailure: unknown;
      let lostBytes = 0;
      const source = await openSource(manifest, layers, location, options, {
        onFetched(bytes) {
          fetchedBytes += bytes;
          options.onFetched?.();
        },
        onStoreFailure(error) {
          storeFailure = error;
        },
        onLost(bytes) {
          lostBytes += bytes;
        },
      });
      const { tracked, finish, release } = track(source);
      const leave = async () => {
        await source.close?.();
        await store?.close();
      };
      return {
        reader: createTensorReader({ manifest, source: tracked }, { range: layers, heldChunks: HELD_CHUNKS }),
        fetchedBytes: () => fetchedBytes,
        async fetchAll(fetching) {
          // A folder's files are read where they lie.
          if (location.kind !== 'http') return;
          if (store === undefined) throw new NothingKeptError();
          await fetchToStore({ manifest, layers, store, source: tracked, failure: () => storeFailure }, fetching);
        },
        storeFailure: () => storeFailure ?? (lostBytes > 0 ? new StoredChunksLostError(lostBytes) : undefined),
        ...(source.progress === undefined ? {} : { progress: () => source.progress! }),
        ...(options.port === undefined ? {} : { leave }),
        async close() {
          counted = null;
          await finish();
          if (options.port === undefined) await leave();
          release();
        },
      };
    },
    async storedBytes() {
      if (store === undefined) return 0;
      counted ??= store.storedBytes();
      try {
        return await counted;
      } catch {
        // A store another tab holds, or a browser without one: nothing that this tab could count.
        counted = null;
        return 0;
      }
    },
    async forget() {
      counted = null;
      await store?.removeAll();
    },
  };
}

interface SourceNotes {
  readonly onFetched: (bytes: number) => void;
  readonly onStoreFailure: (error: unknown) => void;
  readonly onLost: (bytes: number) => void;
}

/**
 * Knows a source's reads that are under way, so that nothing is closed under them, and its reader's
 * buffers, to free them: an idle worker collects no garbage, and they would stay with the model for as
 * long as it serves.
 */
function track(source: ChunkSource): { tracked: ChunkSource; finish: () => Promise<void>; release: () => void } {
  const buffers = new Set<ArrayBuffer>();
  const reads = new Set<Promise<unknown>>();
  const closing = new AbortController();
  return {
    tracked: {
      ...(source.verified === undefined ? {} : { verified: source.verified }),
      readChunk(file, index, { signal, buffer } = {}) {
        if (buffer !== undefined) buffers.add(buffer.buffer);
        const read = source.readChunk(file, index, {
          signal: signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]),
          ...(buffer === undefined ? {} : { buffer }),
        });
        reads.add(read);
        const forget = () => void reads.delete(read);
        read.then(forget, forget);
        return read;
      },
    },
    async finish() {
      closing.abort(new LoadAbortedError());
      await Promise.allSettled(reads);
    },
    release() {
      for (const buffer of buffers) buffer.transfer(0);
      buffers.clear();
    },
  };
}

const counting = (source: ChunkSource, onFetched: (bytes: number) => void): ChunkSource => ({
  async readChunk(file, index, options) {
    const bytes = await source.readChunk(file, index, options);
    onFetched(bytes.byteLength);
    return bytes;
  },
});
