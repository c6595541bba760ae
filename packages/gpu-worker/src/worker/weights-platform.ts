import { createTensorReader, manifestHash } from '@opengateway/core';
import { UnsupportedModelError } from '../engines/errors.ts';
import { createHttpSource } from '../storage/http-source.ts';
import { createStoredSource } from '../storage/stored-source.ts';
import { LoadAbortedError } from './errors.ts';
import { makeRoom } from './make-room.ts';
import type { ChunkSource, LayerRange, ModelManifest, TensorReader } from '@opengateway/core';
import type { WeightsLocation } from '../api.ts';
import type { WeightsStore } from '../storage/weights-store.ts';

/** Chunks held while a model is loaded: half of the reader's own default, as the model beside them is large. */
const HELD_CHUNKS = 4;

export interface OpenedWeights {
  readonly reader: TensorReader;
  /** Bytes that came over the network since this was opened. */
  fetchedBytes(): number;
  close(): Promise<void>;
}

/** Where this host's weights come from and are kept. */
export interface WeightsPlatform {
  /** `storageBytes`: most that may be kept here, of all models. @default what the store allows */
  open(
    manifest: ModelManifest,
    layers: LayerRange,
    location: WeightsLocation,
    storageBytes?: number,
  ): Promise<OpenedWeights>;
  /** Bytes of weights kept here, of all models. */
  storedBytes(): Promise<number>;
  /** Removes all weights kept here. */
  forget(): Promise<void>;
}

export interface WeightsPlatformComponents {
  /** Absent: what is fetched is not kept. */
  readonly store?: WeightsStore;
  /** Absent where there are no local folders. */
  readonly openDirectory?: (path: string) => ChunkSource;
  readonly fetch?: typeof fetch;
}

export function createWeightsPlatform({ store, openDirectory, fetch }: WeightsPlatformComponents): WeightsPlatform {
  /** Counting opens every stored file, so it is done once after each change. */
  let counted: Promise<number> | null = null;

  const openSource = async (
    manifest: ModelManifest,
    layers: LayerRange,
    location: WeightsLocation,
    onFetched: (bytes: number) => void,
    storageBytes: number,
  ): Promise<ChunkSource> => {
    if (location.kind === 'directory') {
      if (openDirectory === undefined) throw new UnsupportedModelError('There are no local folders here.');
      return openDirectory(location.path);
    }
    if (location.kind === 'package') throw new UnsupportedModelError('There is no engine for packages here.');
    const source = createHttpSource({ baseUrl: location.baseUrl }, fetch === undefined ? {} : { fetch });
    if (store === undefined || !(await makeRoom(store, manifest, layers, storageBytes)))
      return counting(source, onFetched);
    return createStoredSource({ manifest: await manifestHash(manifest), store, source }, { onFetched });
  };

  return {
    async open(manifest, layers, location, storageBytes = Number.POSITIVE_INFINITY) {
      let fetchedBytes = 0;
      const onFetched = (bytes: number) => {
        fetchedBytes += bytes;
      };
      const source = await openSource(manifest, layers, location, onFetched, storageBytes);
      const { tracked, finish, release } = track(source);
      return {
        reader: createTensorReader({ manifest, source: tracked }, { range: layers, heldChunks: HELD_CHUNKS }),
        fetchedBytes: () => fetchedBytes,
        async close() {
          counted = null;
          await finish();
          await source.close?.();
          await store?.close();
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
