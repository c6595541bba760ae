import { manifestHash, systemClock, tradedManifest } from '@opengateway/core';
import { FakeClock, settle } from '@opengateway/core/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryStore } from '../storage/memory.ts';
import { StorageFullError } from '../storage/errors.ts';
import { createTinyModel } from '../testing/tiny-model.ts';
import { exchangeAmong } from './exchange-swarm.fixture.ts';
import { linkExchange } from './link-exchange.ts';
import { createWeightsPlatform } from './weights-platform.ts';
import type { ChunkSource, Clock, ManifestHash, ModelManifest, ServedWeightsExchange } from '@opengateway/core';
import type { ExchangeLink } from './link-exchange.ts';
import type { WeightsStore } from '../storage/weights-store.ts';
import type { OpenedWeights } from './weights-platform.ts';

/** Six chunks of its one file, in two layers. */
const MODEL = { architecture: { layerCount: 6, hiddenSize: 256, feedForwardSize: 1024, queryHeadCount: 16 } };
const HTTP = { kind: 'http', baseUrl: 'http://relay.example/' } as const;

let manifest: ModelManifest;
let bytes: Uint8Array;
let hash: ManifestHash;
const links: ExchangeLink[] = [];
const opened: OpenedWeights[] = [];
const peers = new Map<string, ServedWeightsExchange>();

beforeAll(async () => {
  ({ manifest, bytes } = await createTinyModel(MODEL));
  hash = await manifestHash(manifest);
});
beforeEach(() => peers.clear());
afterEach(async () => {
  for (const weights of opened.splice(0)) {
    await weights.close();
    await weights.leave?.();
  }
  for (const link of links.splice(0)) link.close();
});

const folder: ChunkSource = {
  readChunk: async (_file, index) => bytes.slice(index * 1_048_576, (index + 1) * 1_048_576),
};

interface OpenPeer {
  readonly store?: WeightsStore;
  readonly server?: ChunkSource;
  readonly kind?: 'directory';
  readonly layers?: { start: number; end: number };
  readonly clock?: Clock;
}

/** A device whose page trades with the others, and the model open in its worker. */
async function openPeer(name: string, { store, server, kind, layers, clock = systemClock }: OpenPeer = {}) {
  const exchange = exchangeAmong(peers, name, clock);
  const { port1, port2 } = new MessageChannel();
  const link = linkExchange(port1, { exchange, files: tradedManifest(manifest), server });
  links.push(link);
  const platform = createWeightsPlatform({ openDirectory: () => folder, ...(store === undefined ? {} : { store }) });
  const weights = await platform.open(
    manifest,
    layers ?? { start: 0, end: manifest.architecture.layerCount },
    kind === 'directory' ? { kind, path: '.' } : HTTP,
    { port: port2 },
  );
  opened.push(weights);
  peers.set(name, exchange);
  return { weights, link, exchange };
}

async function readAll({ reader }: OpenedWeights, tensors = manifest.tensors): Promise<void> {
  for (const tensor of tensors) {
    const read = await reader.read(tensor, 0, tensor.bytes);
    expect(Buffer.compare(read, bytes.subarray(tensor.offset, tensor.offset + tensor.bytes))).toBe(0);
  }
}

describe('weights in the worker, traded on the page', () => {
  it('come from a folder of another device, are kept, and go on to a third', async () => {
    await openPeer('folder', { kind: 'directory' });
    const store = createMemoryStore();
    const first = await openPeer('first', { store });
    await readAll(first.weights);
    await vi.waitUntil(() => first.link.stats()?.missingBytes === 0);
    expect(first.link.stats()).toMatchObject({ fromPeersBytes: bytes.length, fromServerBytes: 0, missingBytes: 0 });
    expect(first.weights.progress?.()).toEqual({ hereBytes: bytes.length, wantedBytes: bytes.length });
    expect(first.weights.fetchedBytes()).toBe(bytes.length);
    expect(await store.storedBytes()).toBe(bytes.length);
    peers.delete('folder');
    // The reader is done, as after a load; the store still serves.
    await first.weights.close();
    await readAll((await openPeer('second', { store: createMemoryStore() })).weights);
    expect(first.exchange.uploadedBytes()).toBe(bytes.length);
  });

  it('are fetched once: what is kept is not fetched again', async () => {
    const store = createMemoryStore();
    const { weights } = await openPeer('first', { store, server: folder });
    await readAll(weights);
    const again = await openPeer('again', { store });
    await readAll(again.weights);
    expect(again.weights.fetchedBytes()).toBe(0);
  });

  it('are only those that the layers need', async () => {
    const store = createMemoryStore();
    const { weights, link } = await openPeer('part', { store, server: folder, layers: { start: 2, end: 4 } });
    await readAll(
      weights,
      manifest.tensors.filter(({ name }) => name.startsWith('blk.2.')),
    );
    await vi.waitUntil(() => link.stats()?.missingBytes === 0);
    expect(await store.storedBytes()).toBeLessThan(bytes.length);
    expect(await store.storedBytes()).toBe(weights.progress?.().wantedBytes);
  });

  it('are fetched anew where they went bad on the disk, for readers and for peers', async () => {
    const store = createMemoryStore();
    await readAll((await openPeer('server', { store, server: folder })).weights);
    const { file, index } = { file: manifest.files[0]!, index: 1 };
    await store.write({ manifest: hash, file }, index, new Uint8Array(1_048_576));
    // A peer is refused that chunk and has it from elsewhere.
    const peer = await openPeer('peer', { store: createMemoryStore(), server: folder });
    await readAll(peer.weights);
    await vi.waitUntil(() => peer.link.stats()?.missingBytes === 0);
    expect(peer.link.stats()?.fromServerBytes).toBe(1_048_576);
    expect(await store.has({ manifest: hash, file }, index)).toBe(false);
    await store.write({ manifest: hash, file }, index, new Uint8Array(1_048_576));
    peers.clear();
    const again = await openPeer('again', { store, server: folder });
    await readAll(again.weights);
    expect(again.weights.fetchedBytes()).toBe(1_048_576);
    expect(again.weights.storeFailure?.()).toMatchObject({
      code: 'stored_chunks_lost',
      message: '2 MB of what was kept here are gone or damaged and are fetched again.',
    });
    const good = await store.read({ manifest: hash, file }, index);
    expect(Buffer.compare(good!, bytes.subarray(1_048_576, 2 * 1_048_576))).toBe(0);
  });

  it('are read all the same where the disk is full from some chunk on, and it says so', async () => {
    const memory = createMemoryStore();
    let room = 2;
    const store: WeightsStore = {
      ...memory,
      async write(...chunk) {
        if (room-- <= 0) throw new StorageFullError();
        await memory.write(...chunk);
      },
    };
    const { weights } = await openPeer('full', { store, server: folder });
    await readAll(weights);
    expect(weights.storeFailure?.()).toMatchObject({ code: 'storage_full' });
    expect(await store.storedBytes()).toBeLessThanOrEqual(2 * 1_048_576);
  });

  it('are read in order where nothing can be kept', async () => {
    const { weights } = await openPeer('none', { server: folder });
    await readAll(weights);
    expect(weights.progress?.().wantedBytes).toBe(0);
  });

  it('fail by name where nobody has them', async () => {
    const clock = new FakeClock();
    const { weights } = await openPeer('alone', { store: createMemoryStore(), clock });
    const tensor = manifest.tensors[0]!;
    const reading = weights.reader.read(tensor, 0, 16).then(
      () => 'read',
      (error: { code?: string }) => error.code,
    );
    let code: string | undefined;
    void reading.then((outcome) => (code = outcome));
    await vi.waitUntil(
      async () => {
        await clock.advance(1_000);
        await settle();
        return code !== undefined;
      },
      { timeout: 10_000, interval: 1 },
    );
    expect(code).toBe('source_unavailable');
  });
});
