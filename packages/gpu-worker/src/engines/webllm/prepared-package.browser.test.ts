import { createWeightsExchange, systemClock } from '@opengateway/core';
import * as webllm from '@mlc-ai/web-llm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createMemoryStore } from '../../storage/memory.ts';
import { createTinyModel } from '../../testing/tiny-model.ts';
import { linkExchange } from '../../worker/link-exchange.ts';
import { createWeightsPlatform } from '../../worker/weights-platform.ts';
import { fetchPrepared } from './fetch-prepared.ts';
import { madeUpPackage, tradedOf } from './made-up-package.fixture.ts';
import { isPackageReader } from './open-package.ts';
import { createPackageCache } from './package-cache.ts';
import { describePackage, findRecord } from './package.ts';
import { withPackages } from './with-packages.ts';

const MODEL = 'made-up';

afterEach(async () => {
  vi.restoreAllMocks();
  await createPackageCache(caches).removeAll();
});

/** A package that nobody answers for, put into this browser's caches by the exchange, its server being this page. */
async function prepare() {
  const { manifest } = await createTinyModel();
  const made = await madeUpPackage(manifest);
  const exchange = createWeightsExchange({
    clock: systemClock,
    random: Math.random,
    candidates: () => [],
    openStream: () => Promise.reject(new Error('There are no peers.')),
  });
  const { port1, port2 } = new MessageChannel();
  const link = linkExchange(port1, { exchange, files: tradedOf(manifest, made), server: made.createServer() });
  const store = createMemoryStore();
  const platform = withPackages(createWeightsPlatform({ store }), { cache: createPackageCache(caches), store });
  const weights = await platform.open(
    manifest,
    { start: 0, end: manifest.architecture.layerCount },
    { kind: 'package', package: made.modelPackage },
    { port: port2 },
  );
  if (!isPackageReader(weights.reader)) throw new Error('It is not fetched by way of the exchange.');
  await weights.reader.prepare({});
  await weights.leave?.();
  link.close();
  const record = { ...findRecord(made.modelPackage, []), model_id: MODEL };
  return { made, record, appConfig: { model_list: [record] } };
}

const unreachable: typeof fetch = () => Promise.reject(new TypeError('Failed to fetch'));

describe('a package that was put into the caches of WebLLM', () => {
  it('is there for the library itself, which asks the network for nothing', async () => {
    const { appConfig } = await prepare();
    const fetched = vi.spyOn(globalThis, 'fetch');
    const added = vi.spyOn(Cache.prototype, 'add');
    expect(await webllm.hasModelInCache(MODEL, appConfig)).toBe(true);
    const engine = new webllm.MLCEngine({ appConfig, logLevel: 'SILENT' });
    // It gets as far as the kernels, which are none: the addresses answer nobody, so it read its caches.
    await expect(engine.reload(MODEL)).rejects.toMatchObject({ name: 'CompileError' });
    expect(fetched).not.toHaveBeenCalled();
    expect(added).not.toHaveBeenCalled();
  });

  it('is described, and read byte for byte by the key of each file, without the network', async () => {
    const { made, record } = await prepare();
    const description = await describePackage(fetchPrepared(caches, unreachable), record);
    expect(description).toMatchObject({ quantization: 'q4f32_1' });
    const cache = await caches.open('webllm/model');
    const shard = await cache.match(new Request('http://127.0.0.1:9/made-up/resolve/main/params_shard_0.bin'));
    const bytes = new Uint8Array(await shard!.arrayBuffer());
    const wanted = made.contents.get('params_shard_0.bin')!;
    expect(bytes.byteLength).toBe(wanted.byteLength);
    expect(bytes.every((byte, at) => byte === wanted[at])).toBe(true);
  });

  it('is not there any more where one shard is gone, and the library says so', async () => {
    const { appConfig } = await prepare();
    await (await caches.open('webllm/model')).delete('http://127.0.0.1:9/made-up/resolve/main/params_shard_1.bin');
    expect(await webllm.hasModelInCache(MODEL, appConfig)).toBe(false);
  });
});
