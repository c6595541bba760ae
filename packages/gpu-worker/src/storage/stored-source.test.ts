import { SourceUnavailableError, hashChunks } from '@opengateway/core';
import { CHUNK_BYTES, bytesSource, errorCode } from '@opengateway/core';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StorageFullError, StoreBusyError } from './errors.ts';
import { createMemoryStore } from './memory.ts';
import { createStoredSource } from './stored-source.ts';
import { sameBytes } from './weights-store.contract.ts';
import type { ChunkSource, ManifestFile, ManifestHash } from '@opengateway/core';
import type { WeightsStore } from './weights-store.ts';

const CONTENT = Uint8Array.from({ length: CHUNK_BYTES + 100 }, (_, at) => (at * 13) & 0xff);
const MANIFEST = 'd'.repeat(64) as ManifestHash;
const chunkOf = (index: number) => CONTENT.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);

let file: ManifestFile;
let fetched: number[];
let source: ChunkSource;
let store: WeightsStore;

beforeAll(async () => {
  file = { name: 'x.gguf', bytes: CONTENT.length, chunks: await hashChunks(bytesSource(CONTENT)) };
});

beforeEach(() => {
  fetched = [];
  store = createMemoryStore();
  source = {
    readChunk: async (_, index) => {
      fetched.push(index);
      return chunkOf(index);
    },
  };
});

const failing = (method: 'read' | 'write', error: Error): WeightsStore => ({
  ...store,
  [method]: () => Promise.reject(error),
});

describe('createStoredSource', () => {
  it('fetches a chunk once and has it from the store afterwards', async () => {
    const counted: number[] = [];
    const create = () =>
      createStoredSource({ manifest: MANIFEST, store, source }, { onFetched: (bytes) => counted.push(bytes) });
    expect(sameBytes(await create().readChunk(file, 1), chunkOf(1))).toBe(true);
    expect(sameBytes(await create().readChunk(file, 1), chunkOf(1))).toBe(true);
    expect(fetched).toEqual([1]);
    expect(counted).toEqual([100]);
  });

  it('stores nothing that is not what the manifest promises', async () => {
    source = { readChunk: async () => new Uint8Array(100) };
    const stored = createStoredSource({ manifest: MANIFEST, store, source });
    await expect(stored.readChunk(file, 1)).rejects.toThrow('Chunk 1 of x.gguf');
    expect(await store.storedBytes()).toBe(0);
  });

  it('fetches a stored chunk again that went bad, and mends the store', async () => {
    await store.write({ manifest: MANIFEST, file }, 1, new Uint8Array(100));
    const stored = createStoredSource({ manifest: MANIFEST, store, source });
    expect(sameBytes(await stored.readChunk(file, 1), chunkOf(1))).toBe(true);
    expect(sameBytes(await store.read({ manifest: MANIFEST, file }, 1), chunkOf(1))).toBe(true);
  });

  it('goes on without storing when there is no room, and says so once', async () => {
    const failures: unknown[] = [];
    const full = failing('write', new StorageFullError());
    const stored = createStoredSource(
      { manifest: MANIFEST, store: full, source },
      { onStoreFailure: (error) => failures.push(error) },
    );
    await stored.readChunk(file, 0);
    expect(sameBytes(await stored.readChunk(file, 1), chunkOf(1))).toBe(true);
    expect(failures.map(errorCode)).toEqual(['storage_full']);
  });

  it('goes on without a store that another tab holds', async () => {
    const failures: unknown[] = [];
    const busy = { ...failing('read', new StoreBusyError()), write: () => Promise.reject(new StoreBusyError()) };
    const stored = createStoredSource(
      { manifest: MANIFEST, store: busy, source },
      { onStoreFailure: (error) => failures.push(error) },
    );
    for (const index of [0, 1, 0]) expect(sameBytes(await stored.readChunk(file, index), chunkOf(index))).toBe(true);
    expect(failures.map(errorCode)).toEqual(['store_busy', 'store_busy']);
  });

  it('passes on that the source has nothing, and an abort', async () => {
    source = { readChunk: () => Promise.reject(new SourceUnavailableError('gone')) };
    const stored = createStoredSource({ manifest: MANIFEST, store, source });
    await expect(stored.readChunk(file, 0)).rejects.toMatchObject({ code: 'source_unavailable' });
    const reason = new Error('enough');
    await expect(stored.readChunk(file, 0, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
