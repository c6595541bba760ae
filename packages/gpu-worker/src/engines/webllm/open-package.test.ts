import { modelPackageSchema } from '@opengateway/core';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryStore } from '../../storage/memory.ts';
import { createTinyModel } from '../../testing/tiny-model.ts';
import { exchangeAmong } from '../../worker/exchange-swarm.fixture.ts';
import { linkExchange } from '../../worker/link-exchange.ts';
import { createWeightsPlatform } from '../../worker/weights-platform.ts';
import { FakeCaches } from './caches.fixture.ts';
import { madeUpPackage, tradedOf } from './made-up-package.fixture.ts';
import { isPackageReader } from './open-package.ts';
import { createPackageCache } from './package-cache.ts';
import { withPackages } from './with-packages.ts';
import type { ChunkSource, ModelManifest, ServedWeightsExchange } from '@opengateway/core';
import type { WeightsStore } from '../../storage/weights-store.ts';
import type { OpenedWeights } from '../../worker/weights-platform.ts';
import type { ExchangeLink } from '../../worker/link-exchange.ts';
import type { MadeUpPackage } from './made-up-package.fixture.ts';
import type { PackageReader } from './open-package.ts';

const FOLDER = 'http://127.0.0.1:9/made-up/resolve/main/';
const PLACES = [
  `webllm/config ${FOLDER}mlc-chat-config.json`,
  `webllm/model ${FOLDER}params_shard_0.bin`,
  `webllm/model ${FOLDER}params_shard_1.bin`,
  `webllm/model ${FOLDER}tensor-cache.json`,
  `webllm/model ${FOLDER}tokenizer.json`,
  'webllm/wasm http://127.0.0.1:9/made-up.wasm',
];

let manifest: ModelManifest;
let made: MadeUpPackage;
const links: ExchangeLink[] = [];
const opened: OpenedWeights[] = [];
const peers = new Map<string, ServedWeightsExchange>();

beforeAll(async () => {
  ({ manifest } = await createTinyModel());
  made = await madeUpPackage(manifest);
});
beforeEach(() => peers.clear());
afterEach(async () => {
  for (const weights of opened.splice(0)) await weights.leave?.();
  for (const link of links.splice(0)) link.close();
});

interface OpenTab {
  readonly caches?: FakeCaches;
  readonly store?: WeightsStore;
  readonly server?: ChunkSource;
  readonly freeBytes?: number;
  readonly storageBytes?: number;
}

/** A tab whose page trades with the others, and the package open in its worker. */
async function openTab(name: string, init: OpenTab = {}) {
  const { caches = new FakeCaches(), store = createMemoryStore(), server, freeBytes, storageBytes } = init;
  const exchange = exchangeAmong(peers, name);
  const { port1, port2 } = new MessageChannel();
  const link = linkExchange(port1, { exchange, files: tradedOf(manifest, made), server });
  links.push(link);
  const platform = withPackages(createWeightsPlatform({ store }), {
    cache: createPackageCache(caches.global),
    store,
    ...(freeBytes === undefined ? {} : { freeBytes: async () => freeBytes }),
  });
  const weights = await platform.open(
    manifest,
    { start: 0, end: manifest.architecture.layerCount },
    { kind: 'package', package: made.modelPackage },
    { port: port2, storageBytes },
  );
  opened.push(weights);
  peers.set(name, exchange);
  if (!isPackageReader(weights.reader)) throw new Error('It is not fetched by way of the exchange.');
  return { weights, reader: weights.reader as PackageReader, link, exchange, caches, store, platform };
}

function expectWhole({ caches }: FakeTab): void {
  expect(caches.keys).toEqual(PLACES);
  for (const [path, bytes] of made.contents) {
    const place = PLACES.find((each) => (path === '~library' ? each.endsWith('.wasm') : each.endsWith(`/${path}`)))!;
    const [cache, url] = place.split(' ') as [string, string];
    expect(Buffer.compare(caches.caches.get(cache)!.get(url)!, bytes)).toBe(0);
  }
}
type FakeTab = Awaited<ReturnType<typeof openTab>>;

describe('the listed files of a package', () => {
  it('are what the catalogue may say', () => {
    const { modelPackage } = made;
    const check = (files: unknown) => modelPackageSchema.safeParse({ ...modelPackage, files }).success;
    const [first, ...rest] = modelPackage.files!.folder;
    expect(check(modelPackage.files)).toBe(true);
    expect(check({ folder: [] })).toBe(false);
    expect(check({ folder: [{ ...first, path: '../secret' }] })).toBe(false);
    expect(check({ folder: [first, first] })).toBe(false);
    expect(check({ folder: [{ ...first, bytes: first!.bytes + 1_048_576 }, ...rest] })).toBe(false);
    expect(check({ folder: [{ ...first, chunks: ['0'] }, ...rest] })).toBe(false);
  });

  it('come from the server, then from a peer with the server gone, and lie where the library looks', async () => {
    const server = made.createServer();
    const first = await openTab('first', { server });
    await first.reader.prepare({});
    expectWhole(first);
    expect(first.weights.fetchedBytes()).toBe(made.bytes);
    expect(await first.store.storedBytes()).toBe(0);
    const asked = server.asked.length;
    const second = await openTab('second');
    const seen: number[] = [];
    await second.reader.prepare({ onProgress: (_, total) => seen.push(total) });
    expectWhole(second);
    expect(server.asked).toHaveLength(asked);
    expect(seen).toEqual([made.bytes]);
    expect(second.weights.progress?.()).toEqual({ hereBytes: made.bytes, wantedBytes: made.bytes });
    await vi.waitUntil(() => second.link.stats()?.missingBytes === 0);
    expect(second.link.stats()).toMatchObject({ fromPeersBytes: made.bytes, fromServerBytes: 0 });
  });

  it('are not fetched again when they are there', async () => {
    const first = await openTab('first', { server: made.createServer() });
    await first.reader.prepare({});
    peers.clear();
    const again = await openTab('again', { caches: first.caches });
    await again.reader.prepare({});
    expect(again.weights.fetchedBytes()).toBe(0);
    expect(await again.platform.storedBytes()).toBe(made.bytes);
  });

  it('that describe the package come first', async () => {
    const server = made.createServer();
    const { reader, caches } = await openTab('tab', { server });
    await reader.prepareDescription({});
    expect(caches.keys).toEqual(expect.arrayContaining([PLACES[0], PLACES[3]]));
  });

  it('go on from the chunks that were kept, when the tab ended in the middle', async () => {
    const store = createMemoryStore();
    const caches = new FakeCaches();
    const good = made.createServer();
    let left = 2;
    const dying: ChunkSource = {
      readChunk: async (...chunk) => ((left -= 1) >= 0 ? good.readChunk(...chunk) : Promise.reject(new Error('gone'))),
    };
    const first = await openTab('first', { caches, store, server: dying });
    await vi.waitUntil(() => first.link.stats() !== undefined && (first.weights.progress?.().hereBytes ?? 0) > 0);
    await vi.waitUntil(() => left < 0);
    await first.weights.leave?.();
    first.link.close();
    peers.clear();
    const again = await openTab('again', { caches, store, server: good });
    const before = again.weights.progress!().hereBytes;
    expect(before).toBeGreaterThan(0);
    await again.reader.prepare({});
    expectWhole(again);
    expect(again.weights.fetchedBytes()).toBe(made.bytes - before);
  });

  it('are thrown away where a cache holds something else, and fetched', async () => {
    const first = await openTab('first', { server: made.createServer() });
    await first.reader.prepare({});
    const shards = first.caches.caches.get('webllm/model')!;
    const altered = shards.get(`${FOLDER}params_shard_0.bin`)!;
    altered[1_500_000]! ^= 1;
    shards.set(`${FOLDER}params_shard_1.bin`, new Uint8Array(5));
    peers.clear();
    const again = await openTab('again', { caches: first.caches, server: made.createServer() });
    expect(again.caches.keys).toEqual(PLACES.filter((place) => !place.includes('shard')));
    await again.reader.prepare({});
    expectWhole(again);
    expect(again.weights.fetchedBytes()).toBe(2 * 1_048_576 + 1_700);
  });

  it('never get to the library in part, and a peer that lies is not believed', async () => {
    const liar: ChunkSource = {
      readChunk: async ({ bytes }, index) => new Uint8Array(Math.min(1_048_576, bytes - index * 1_048_576)),
    };
    const { reader, caches } = await openTab('tab', { server: liar });
    const stop = new AbortController();
    const preparing = reader.prepare({ signal: stop.signal });
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error('enough'));
    await expect(preparing).rejects.toThrow('enough');
    expect(caches.keys).toEqual([]);
  });

  it('are refused with numbers where there is no room, and nothing is fetched', async () => {
    const server = made.createServer();
    const full = await openTab('full', { server, freeBytes: 2_000_000 });
    await expect(full.reader.prepare({})).rejects.toMatchObject({
      code: 'storage_full',
      message: 'Needs 3 MB, 0 MB are free here: it cannot run here. Free some storage or choose a smaller model.',
    });
    const mean = await openTab('mean', { server, storageBytes: 1_000_000 });
    await expect(mean.reader.prepare({})).rejects.toMatchObject({
      message: expect.stringMatching(/1 MB are lent here/),
    });
    expect(server.asked).toEqual([]);
  });

  it('are held on disk without being run', async () => {
    const { weights, caches } = await openTab('tab', { server: made.createServer() });
    const seen: number[] = [];
    await weights.fetchAll!({ signal: new AbortController().signal, onProgress: (done) => seen.push(done) });
    expect(seen).toEqual([0, made.bytes]);
    expect(caches.keys).toEqual(PLACES);
  });
});
