import { ChunkSet, fromWire } from '@opengateway/core';
import type { ChunkSource, ManifestFile, NumberedChunks, ReadChunkOptions } from '@opengateway/core';
import type { ChunkKeeper } from '../storage/chunk-keeper.ts';
import type { PageWeightsMessage, WorkerWeightsMessage } from './weights-port.ts';

export interface ExchangeSourceComponents {
  readonly port: MessagePort;
  readonly chunks: NumberedChunks;
  readonly keeper: ChunkKeeper;
}

export interface ExchangeSourceInit {
  /** Fetched in the exchange's order, ahead of who reads. Empty where nothing is kept. */
  readonly wanted: ChunkSet;
  /** Called when a chunk came from somewhere else. */
  readonly onFetched: (bytes: number) => void;
  /** Called once, when the store fails (`storage_full`, `store_busy`): from then on nothing more is kept. */
  readonly onStoreFailure: (error: unknown) => void;
  /** Called when a chunk that was kept turns out to be gone or altered; it is fetched anew when it is needed. */
  readonly onLost: (bytes: number) => void;
}

/** Chunks that are kept here, else those that the page gets from peers and the server; and the peers' own reads. */
export interface ExchangeSource extends ChunkSource {
  /** Bytes of what is wanted, and of those that are here. */
  readonly progress: { readonly hereBytes: number; readonly wantedBytes: number };
  /** Has a chunk fetched before others. */
  want(file: ManifestFile, index: number): void;
  /** Ends the exchange: peers get nothing more, readers wait in vain. */
  close(): Promise<void>;
}

/** Takes part in the exchange at the other end of the port. */
export async function openExchangeSource(
  { port, chunks, keeper }: ExchangeSourceComponents,
  { wanted, onFetched, onStoreFailure, onLost }: ExchangeSourceInit,
): Promise<ExchangeSource> {
  const kept = await keeper.kept();
  /** Wanted and not here yet. */
  const fetching = new ChunkSet(
    chunks.count,
    [...wanted].filter((chunk) => !kept.has(chunk)),
  );
  /** Readers by the chunk they wait for: as many as one model's reader has under way. */
  const waiting = new Map<number, { resolve(bytes: Uint8Array): void; reject(error: unknown): void }[]>();
  let keeps = keeper.write !== undefined;
  const wantedBytes = chunks.bytesOf(wanted);
  let hereBytes = chunks.bytesOf([...wanted].filter((chunk) => kept.has(chunk)));
  const post = (message: WorkerWeightsMessage, transfer: Transferable[] = []) => port.postMessage(message, transfer);

  const keep = async (chunk: number, bytes: Uint8Array): Promise<boolean> => {
    const { file, index } = chunks.at(chunk);
    if (!keeps || keeper.write === undefined) return false;
    try {
      await keeper.write(file, index, bytes);
      if (kept.add(chunk) && wanted.has(chunk)) hereBytes += bytes.byteLength;
      return true;
    } catch (error) {
      if (keeps) {
        keeps = false;
        onStoreFailure(error);
        for (const waitedFor of waiting.keys()) post({ type: 'want', chunk: waitedFor });
        post({ type: 'fetch-only-wanted' });
      }
      return false;
    }
  };
  const take = async (chunk: number, bytes: Uint8Array<ArrayBuffer>) => {
    const isKept = await keep(chunk, bytes);
    onFetched(bytes.byteLength);
    for (const { resolve } of waiting.get(chunk) ?? []) resolve(bytes);
    waiting.delete(chunk);
    fetching.delete(chunk);
    // Who waited has copied it by then: `resolve` was given what to do with it.
    post({ type: 'taken', chunk, kept: isKept, buffer: bytes.buffer }, [bytes.buffer]);
  };
  const lose = (chunk: number) => {
    if (!kept.delete(chunk)) return;
    const { bytes } = chunks.at(chunk);
    if (wanted.has(chunk)) hereBytes -= bytes;
    onLost(bytes);
    post({ type: 'lose', chunk });
  };
  const give = async (id: number, chunk: number) => {
    const { file, index } = chunks.at(chunk);
    const bytes = kept.has(chunk) ? await keeper.read(file, index).catch(() => undefined) : undefined;
    if (bytes === undefined) lose(chunk);
    post({ type: 'bytes', id, bytes }, bytes === undefined ? [] : [bytes.buffer]);
  };
  const onMessage = ({ data }: MessageEvent<PageWeightsMessage>) => {
    switch (data.type) {
      case 'chunk':
        return void take(data.chunk, data.bytes);
      case 'read':
        return void give(data.id, data.chunk);
      case 'unavailable':
        for (const readers of waiting.values()) for (const { reject } of readers) reject(fromWire(data.error));
        return waiting.clear();
      default:
        return data satisfies never;
    }
  };
  port.addEventListener('message', onMessage);
  port.start();
  post({ type: 'join', wanted: wanted.encode(), kept: kept.encode() });

  const waitFor = async (chunk: number, { buffer, signal }: ReadChunkOptions): Promise<Uint8Array> => {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const reader = { resolve: (bytes: Uint8Array) => resolve(copyInto(buffer, bytes)), reject };
    waiting.set(chunk, [...(waiting.get(chunk) ?? []), reader]);
    // What is on its way anyway keeps its place there: that peers fetch in different orders lets them trade.
    if (!keeps || !fetching.has(chunk)) post({ type: 'want', chunk });
    const giveUp = () => {
      const others = (waiting.get(chunk) ?? []).filter((other) => other !== reader);
      if (others.length > 0) waiting.set(chunk, others);
      else waiting.delete(chunk);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  };

  return {
    verified: true,
    get progress() {
      return { hereBytes, wantedBytes };
    },
    want(file, index) {
      const chunk = chunks.numberOf(file, index);
      if (chunk !== undefined && !kept.has(chunk)) post({ type: 'want', chunk });
    },
    async readChunk(file: ManifestFile, index: number, options: ReadChunkOptions = {}) {
      options.signal?.throwIfAborted();
      const chunk = chunks.numberOf(file, index);
      if (chunk === undefined) throw new RangeError(`The model has no ${file.name}.`);
      if (kept.has(chunk)) {
        // What cannot be read, whatever the reason, is fetched: a store that fails never fails a load.
        const bytes = await keeper.read(file, index, options.buffer).catch(() => undefined);
        if (bytes !== undefined) return bytes;
        lose(chunk);
        options.signal?.throwIfAborted();
      }
      return waitFor(chunk, options);
    },
    async close() {
      port.removeEventListener('message', onMessage);
      port.close();
      await keeper.close();
    },
  };
}

function copyInto(buffer: Uint8Array | undefined, bytes: Uint8Array): Uint8Array {
  if (buffer === undefined) return bytes.slice();
  buffer.set(bytes);
  return buffer.subarray(0, bytes.byteLength);
}
