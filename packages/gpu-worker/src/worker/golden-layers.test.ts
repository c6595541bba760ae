import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DEFAULT_SAMPLING, decodeManifest } from '@opengateway/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadGolden } from '../engines/golden-model.ts';
import { createEngineClient } from '../node.ts';
import { runLayerChain } from '../testing/layer-chain.ts';
import type { LayerRequest } from '@opengateway/core';
import type { LoadedModel } from '../api.ts';
import type { Golden } from '../engines/golden.ts';

const MODEL = new URL('../../../../models/smollm2-135m-instruct/', import.meta.url);
const RANGES = [
  { start: 0, end: 10 },
  { start: 10, end: 20 },
  { start: 20, end: 30 },
];

describe('three workers with a third of the embedded model each', () => {
  const clients = RANGES.map(() => createEngineClient());
  const loaded: LoadedModel[] = [];
  let golden: Golden;
  let modelBytes: number;

  beforeAll(async () => {
    golden = await loadGolden();
    const manifest = decodeManifest(await readFile(new URL('manifest.json', MODEL)));
    modelBytes = manifest.files[0]!.bytes;
    const weights = { kind: 'directory', path: fileURLToPath(MODEL) } as const;
    for (const [stage, layers] of RANGES.entries()) {
      loaded.push(await clients[stage]!.load({ manifest, weights, engine: 'wasm', layers }));
    }
  }, 60_000);
  afterAll(() => Promise.all(clients.map((client) => client.terminate())));

  it('hold only what they compute with', () => {
    const [first, middle, last] = loaded.map(({ info }) => info.weightBytes);
    expect(middle).toBeLessThan(0.25 * modelBytes);
    // Both ends hold the table of tokens, a third of this model.
    expect(first).toBeLessThan(0.6 * modelBytes);
    expect(last).toBeLessThan(0.6 * modelBytes);
    for (const { decodeTokensPerSecond } of loaded) expect(decodeTokensPerSecond).toBeGreaterThan(0);
  });

  it('answer a golden conversation token by token', async () => {
    const { promptTokens, greedyTokens, finish } = golden.conversations[0]!;
    const request: LayerRequest = {
      tokens: promptTokens,
      tokenCount: promptTokens.length,
      promptTokenCount: promptTokens.length,
      maxTokens: greedyTokens.length,
      endTokens: finish === 'stop' ? greedyTokens.slice(-1) : [],
      sampling: { ...DEFAULT_SAMPLING, seed: 0, temperature: 0 },
      format: 'f32',
    };
    const runners = clients.map(({ layers }) => layers);
    const { tokens, events } = await runLayerChain(runners, request);
    expect(tokens).toEqual(finish === 'stop' ? greedyTokens.slice(0, -1) : greedyTokens);
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: finish });
  }, 60_000);
});
