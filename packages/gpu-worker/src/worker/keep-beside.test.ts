import { manifestHash } from '@opengateway/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { createEngine } from '../engines/create-engine.ts';
import { StorageFullError } from '../storage/errors.ts';
import { createMemoryStore } from '../storage/memory.ts';
import { createInProcessClient } from '../testing/in-process-client.ts';
import { createTinyModel } from '../testing/tiny-model.ts';
import { createWeightsPlatform } from './weights-platform.ts';
import type { ManifestHash } from '@opengateway/core';
import type { KeepRequest, LoadProgress } from '../api.ts';
import type { WeightsStore } from '../storage/weights-store.ts';
import type { TinyModel } from '../testing/tiny-model.ts';
import type { WeightsPlatformComponents } from './weights-platform.ts';

const OTHER_BYTES = 100;
/** Several chunks. */
const MODEL = { architecture: { layerCount: 6, hiddenSize: 256, feedForwardSize: 1024, queryHeadCount: 16 } };

let model: TinyModel;
let store: WeightsStore;
let ranges: number;
/** Awaited before the server answers. */
let onRange: () => Promise<void>;
beforeEach(async () => {
  model = await createTinyModel(MODEL);
  store = createMemoryStore();
  ranges = 0;
  onRange = async () => {};
});

const fetchRange = (async (_input, init) => {
  ranges += 1;
  await onRange();
  init?.signal?.throwIfAborted();
  const [, start, end] = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get('range') ?? '') ?? [];
  return new Response(model.bytes.slice(Number(start), Number(end) + 1), {
    status: 206,
    headers: { 'content-range': `bytes ${start}-${end}/${model.bytes.length}` },
  });
}) as typeof fetch;

const worker = (platform: WeightsPlatformComponents = { store }) =>
  createInProcessClient({ weights: createWeightsPlatform({ fetch: fetchRange, ...platform }), createEngine });

const wanted = (over: Partial<KeepRequest> = {}): KeepRequest => ({
  manifest: model.manifest,
  weights: { kind: 'http', baseUrl: 'http://relay.example/models/tiny/' },
  layers: { start: 0, end: model.manifest.architecture.layerCount },
  ...over,
});

const keepOther = () =>
  store.write(
    { manifest: 'b'.repeat(64) as ManifestHash, file: { name: 'x', bytes: OTHER_BYTES } },
    0,
    new Uint8Array(OTHER_BYTES),
  );

describe('a model kept without an engine', () => {
  it('is fetched to disk, and needs no server to be loaded from then on', async () => {
    using process = worker();
    const { promise: last, resolve } = Promise.withResolvers<LoadProgress>();
    await process.client.keep(wanted(), {
      onProgress: (one) => one.type === 'weights-progress' && one.doneBytes === one.totalBytes && resolve(one),
    });
    const { length } = model.bytes;
    expect(await last).toMatchObject({ doneBytes: length, totalBytes: length, fetchedBytes: length });
    expect(await store.storedBytes()).toBe(length);
    const before = ranges;
    await process.client.keep(wanted());
    const loaded = await process.client.load({ ...wanted(), engine: 'wasm' });
    expect(loaded.decodeTokensPerSecond).toBeGreaterThan(0);
    expect(ranges).toBe(before);
  });

  it('takes no room from others: what lacks is said', async () => {
    using process = worker();
    await keepOther();
    const needed = model.bytes.length;
    await expect(process.client.keep(wanted({ storageBytes: needed + OTHER_BYTES - 1 }))).rejects.toMatchObject({
      code: 'storage_too_small',
      message: expect.stringMatching(/^\d+ MB are still to be kept and \d+ MB are free for them: 1 MB more/) as string,
    });
    expect(ranges).toBe(0);
    expect(await store.storedBytes()).toBe(OTHER_BYTES);
    await process.client.keep(wanted({ storageBytes: needed + OTHER_BYTES }));
    expect(await store.storedBytes()).toBe(needed + OTHER_BYTES);
    // What is there already needs no room.
    await process.client.keep(wanted({ storageBytes: needed + OTHER_BYTES }));
  });

  it('needs room on the disk for what is not there yet', async () => {
    let freeBytes = model.bytes.length - 1;
    using process = worker({ store, freeBytes: async () => freeBytes });
    await expect(process.client.keep(wanted())).rejects.toMatchObject({ code: 'storage_too_small' });
    freeBytes += 1;
    await process.client.keep(wanted());
    freeBytes = 0;
    await process.client.keep(wanted());
  });

  it('is given up when the disk is full after all', async () => {
    let writes = 0;
    const full: WeightsStore = {
      ...store,
      has: (key, index) => store.has(key, index),
      async write(key, index, bytes) {
        if ((writes += 1) > 2) throw new StorageFullError();
        await store.write(key, index, bytes);
      },
    };
    using process = worker({ store: full });
    await expect(process.client.keep(wanted())).rejects.toMatchObject({ code: 'storage_full' });
  });

  it('is refused where nothing is kept, and free where it lies in a folder', async () => {
    using process = worker({});
    await expect(process.client.keep(wanted())).rejects.toMatchObject({ code: 'storage_too_small' });
    using folder = worker({ openDirectory: () => ({ readChunk: () => Promise.reject(new Error('not read')) }) });
    await folder.client.keep(wanted({ weights: { kind: 'directory', path: 'models' } }));
  });

  it('ends when it is given up, and keeps what came', async () => {
    const abort = new AbortController();
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    onRange = async () => {
      if (ranges < 3) return;
      asked.resolve();
      await answered.promise;
    };
    using process = worker();
    const keeping = process.client.keep(wanted(), { signal: abort.signal });
    await asked.promise;
    abort.abort();
    answered.resolve();
    await expect(keeping).rejects.toMatchObject({ code: 'load_aborted' });
    const hash = await manifestHash(model.manifest);
    expect(await store.has({ manifest: hash, file: model.manifest.files[0]! }, 0)).toBe(true);
    onRange = async () => {};
    await process.client.keep(wanted());
    expect(await store.storedBytes()).toBe(model.bytes.length);
  });
});
