import { chunkLength, chunksOfRange, errorCode, tensorsOfRange } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../engines/create-engine.ts';
import { createMemoryStore } from '../storage/memory.ts';
import { createInProcessClient } from '../testing/in-process-client.ts';
import { createTinyModel, type TinyModelOptions } from '../testing/tiny-model.ts';
import { createWeightsPlatform } from './weights-platform.ts';
import type { ManifestHash } from '@opengateway/core';
import type { LoadProgress } from '../api.ts';

const BASE = 'http://relay.example/models/tiny/';

/** A platform whose server has a tiny model, and what was asked of it. */
async function setup({
  model,
  ...over
}: { store?: ReturnType<typeof createMemoryStore>; model?: TinyModelOptions } = {}) {
  const { manifest, bytes } = await createTinyModel(model);
  const asked: string[] = [];
  const layers = { start: 0, end: manifest.architecture.layerCount };
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    asked.push(String(input));
    const [, start, end] = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get('range') ?? '') ?? [];
    return new Response(bytes.slice(Number(start), Number(end) + 1), {
      status: 206,
      headers: { 'content-range': `bytes ${start}-${end}/${bytes.length}` },
    });
  };
  const platform = createWeightsPlatform({ ...over, fetch: fetch as typeof globalThis.fetch });
  const readAll = async (storageBytes?: number) => {
    const opened = await platform.open(manifest, layers, { kind: 'http', baseUrl: BASE }, { storageBytes });
    for (const tensor of manifest.tensors) {
      const read = await opened.reader.read(tensor, 0, tensor.bytes);
      expect(Buffer.compare(read, bytes.subarray(tensor.offset, tensor.offset + tensor.bytes))).toBe(0);
    }
    await opened.close();
    return opened.fetchedBytes();
  };
  return { platform, manifest, layers, bytes, asked, readAll };
}

describe('weights platform', () => {
  it('fetches a model once and keeps it', async () => {
    const { platform, bytes, asked, readAll } = await setup({ store: createMemoryStore() });
    expect(await readAll()).toBe(bytes.length);
    expect(await platform.storedBytes()).toBe(bytes.length);
    const before = asked.length;
    expect(await readAll()).toBe(0);
    expect(asked).toHaveLength(before);
    await platform.forget();
    expect(await platform.storedBytes()).toBe(0);
    expect(await readAll()).toBe(bytes.length);
  });

  it('keeps a model only where it fits what the person lends, and lets others go for it', async () => {
    const store = createMemoryStore();
    const { platform, bytes, readAll } = await setup({ store });
    await store.write(
      { manifest: 'b'.repeat(64) as ManifestHash, file: { name: 'other', bytes: 100 } },
      0,
      new Uint8Array(100),
    );
    expect(await readAll(bytes.length + 100)).toBe(bytes.length);
    expect(await platform.storedBytes()).toBe(bytes.length + 100);
    expect(await readAll(bytes.length + 100)).toBe(0);
    expect(await readAll(bytes.length)).toBe(0);
    expect(await platform.storedBytes()).toBe(bytes.length);
    expect(await readAll(bytes.length - 1)).toBe(bytes.length);
    expect(await platform.storedBytes()).toBe(0);
  });

  it('fetches and keeps only what layers need, and makes room for no more', async () => {
    const model = { architecture: { layerCount: 6, hiddenSize: 256, feedForwardSize: 1024, queryHeadCount: 16 } };
    const { platform, manifest, readAll } = await setup({ store: createMemoryStore(), model });
    const layers = { start: 2, end: 4 };
    const wanted = chunksOfRange(manifest, layers)[0]!.chunks;
    const wantedBytes = wanted.reduce((sum, index) => sum + chunkLength(manifest.files[0]!, index), 0);
    expect(wanted.length).toBeLessThan(manifest.files[0]!.chunks.length / 2);
    using process = createInProcessClient({ weights: platform, createEngine });
    /** The last that is said of the weights; it may come after the load's own answer. */
    const load = async (storageBytes: number) => {
      const { promise: last, resolve } = Promise.withResolvers<LoadProgress>();
      await process.client.load(
        { manifest, weights: { kind: 'http', baseUrl: BASE }, engine: 'wasm', layers, storageBytes },
        { onProgress: (one) => one.type === 'weights-progress' && one.doneBytes === one.totalBytes && resolve(one) },
      );
      return last;
    };
    const tensorBytes = tensorsOfRange(manifest, layers).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(await load(wantedBytes)).toEqual({
      type: 'weights-progress',
      doneBytes: tensorBytes,
      totalBytes: tensorBytes,
      fetchedBytes: wantedBytes,
    });
    expect(await platform.storedBytes()).toBe(wantedBytes);
    expect(await load(wantedBytes)).toMatchObject({ fetchedBytes: 0 });
    await load(wantedBytes - 1);
    expect(await platform.storedBytes()).toBe(0);
    expect(await readAll()).toBeGreaterThan(wantedBytes);
  });

  it('counts what it fetches without a store too', async () => {
    const { platform, bytes, readAll } = await setup();
    expect(await readAll()).toBe(bytes.length);
    expect(await platform.storedBytes()).toBe(0);
  });

  it('refuses a local folder where there are none', async () => {
    const { platform, manifest, layers } = await setup();
    const opening = platform.open(manifest, layers, { kind: 'directory', path: 'models' });
    expect(await opening.then(() => 'opened', errorCode)).toBe('unsupported_model');
  });

  it('closes when reads under way have ended', async () => {
    const gate = Promise.withResolvers<void>();
    const store = createMemoryStore();
    const ended: string[] = [];
    const slow = { ...store, write: () => gate.promise.then(() => void ended.push('write')) };
    const { platform, manifest, layers } = await setup({ store: slow });
    const opened = await platform.open(manifest, layers, { kind: 'http', baseUrl: BASE });
    const reading = opened.reader.read(manifest.tensors[0]!, 0, 16).catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    const closing = opened.close().then(() => ended.push('close'));
    await new Promise((resolve) => setImmediate(resolve));
    gate.resolve();
    await Promise.all([reading, closing]);
    expect(ended.at(-1)).toBe('close');
  });
});
