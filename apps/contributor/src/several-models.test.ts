import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_SAMPLING, createContributor, manifestHash, systemClock } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import { createEngineClient } from '@opengateway/gpu-worker/node';
import { createTinyModel } from '@opengateway/gpu-worker/testing';
import { afterEach, expect, it } from 'vitest';
import type {
  CatalogEntry,
  Clock,
  CoordinatorRequest,
  GenerateRequest,
  ManifestHash,
  ModelId,
} from '@opengateway/core';
import type { WeightsLocation } from '@opengateway/gpu-worker/node';
import type { AddressInfo } from 'node:net';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

/** Two models that differ in their weights, served by ranges. */
async function startServer() {
  const models = await Promise.all(
    [1, 2].map(async (seed) => {
      const { manifest: made, bytes } = await createTinyModel({ seed });
      const manifest = { ...made, id: `tiny-${seed}` };
      return { manifest, bytes, hash: await manifestHash(manifest) };
    }),
  );
  const server = createServer((request, response) => {
    const model = models.find(({ manifest }) => request.url?.startsWith(`/${manifest.id}/`));
    const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const total = model?.bytes.length ?? 0;
    response.writeHead(206, { 'content-range': `bytes ${start}-${last}/${total}` });
    response.end(model?.bytes.subarray(Number(start), Number(last) + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ended.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const entries = models.map(({ manifest, bytes, hash }): CatalogEntry => ({
    id: manifest.id,
    name: manifest.name,
    manifest: hash,
    manifestUrl: `${url}/${manifest.id}/manifest.json`,
    bytes: bytes.length,
    layerCount: manifest.architecture.layerCount,
    contextLength: manifest.architecture.contextLength,
    license: 'Apache-2.0',
  }));
  const locate = ({ id }: CatalogEntry): WeightsLocation => ({ kind: 'http', baseUrl: `${url}/${id}/` });
  return { models, entries, locate };
}

const request: GenerateRequest = {
  tokens: [5, 17, 301, 4],
  promptTokenCount: 4,
  maxTokens: 12,
  endTokens: [],
  sampling: { ...DEFAULT_SAMPLING, temperature: 0, seed: 1 },
};

const tokensOf = async (events: AsyncIterable<{ type: string; token?: number }>): Promise<number[]> => {
  const tokens: number[] = [];
  for await (const event of events) if (event.type === 'token') tokens.push(event.token!);
  return tokens;
};

it('two models are answered by one contributor, in turn, as by engines of their own', async () => {
  const signal = new AbortController().signal;
  const { models, entries, locate } = await startServer();
  const directory = await mkdtemp(join(tmpdir(), 'several-'));
  ended.push(() => rm(directory, { recursive: true }));

  const relay = await createNetwork({}, { role: 'relay', region: 'europe' });
  await relay.start();
  ended.push(() => relay.stop());
  const relays = [{ region: 'europe', multiaddrs: relay.multiaddrs() }];
  const peer = await createNetwork({}, { role: 'peer', region: 'europe', relays });
  await peer.start();
  ended.push(() => peer.stop());

  // A model stays in memory for half a minute, which this clock jumps over.
  let jumpedMs = 0;
  const clock: Clock = { now: () => systemClock.now() + jumpedMs, sleep: systemClock.sleep };
  const createEngine = () => createEngineClient({ storeDirectory: directory, weights: peer.weights });
  const contributor = createContributor<WeightsLocation>(
    {
      engine: createEngine(),
      createEngine,
      network: peer,
      clock,
      fetchManifest: async ({ manifest }) =>
        new TextEncoder().encode(JSON.stringify(models.find(({ hash }) => hash === manifest)!.manifest)),
      locateWeights: locate,
    },
    { kind: 'node' },
  );
  ended.push(() => contributor.stop());
  const [entry, ...others] = entries;
  const lent = { memoryBytes: 100 * 2 ** 20, kvBudgetBytes: 2 ** 20, storageBytes: 2 ** 30 };
  await contributor.start({ entry: entry!, others, engine: 'wasm', ...lent });
  const states = () => contributor.snapshot().held.map(({ state, error }) => error ?? state);
  const isTold = () => relay.registry.peers()[0]?.advert.models.some(({ stored }) => stored === true) === true;
  await new Promise<void>((resolve) => {
    const look = () => isTold() && resolve();
    relay.registry.subscribe(look);
    look();
  });
  expect(states()).toEqual(['memory', 'disk']);

  const ask = async (index: number) => {
    const { manifest, hash } = models[index]!;
    const { layerCount, vocabularySize } = manifest.architecture;
    const model = { model: manifest.id as ModelId, manifest: hash as ManifestHash, layerCount, vocabularySize };
    const events: string[] = [];
    const asked: CoordinatorRequest = { ...request, ...model };
    const seen = async function* () {
      for await (const event of relay.coordinator.run(asked, { signal })) {
        events.push(event.type === 'progress' ? event.state : event.type);
        yield event;
      }
    };
    return { tokens: await tokensOf(seen()), events };
  };
  const alone = async (index: number) => {
    const { manifest } = models[index]!;
    const engine = createEngineClient();
    try {
      const layers = { start: 0, end: manifest.architecture.layerCount };
      await engine.load({ manifest, weights: locate(entries[index]!), engine: 'wasm', layers });
      return await tokensOf(engine.generator.generate(request, { signal }));
    } finally {
      await engine.terminate();
    }
  };

  const first = await ask(0);
  jumpedMs += 30_000;
  const second = await ask(1);
  expect(states()).toEqual(['disk', 'memory']);
  expect(second.events).toContain('queued');
  jumpedMs += 30_000;
  const again = await ask(0);
  expect(states()).toEqual(['memory', 'disk']);
  expect(first.tokens).toEqual(await alone(0));
  expect(second.tokens).toEqual(await alone(1));
  expect(again.tokens).toEqual(first.tokens);
  expect(second.tokens).not.toEqual(first.tokens);
  expect(contributor.snapshot()).toMatchObject({ requestsServed: 3, tokensServed: 36 });
});
