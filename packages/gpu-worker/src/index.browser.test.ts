import { DEFAULT_SAMPLING, decodeManifest, errorCode } from '@opengateway/core';
import { afterEach, describe, expect, it } from 'vitest';
import { createEngineClient, probeBrowser } from './index.ts';
import { runLayerChain } from './testing/layer-chain.ts';
import type { LoadProgress } from './api.ts';

/** Vitest's server serves the repository from its root. */
const MODEL = new URL('/models/smollm2-135m-instruct/', location.href).href;

const engine = createEngineClient();
afterEach(() => engine.terminate());

async function loadRequest() {
  const response = await fetch(`${MODEL}manifest.json`);
  const manifest = decodeManifest(new Uint8Array(await response.arrayBuffer()));
  return {
    manifest,
    weights: { kind: 'http', baseUrl: MODEL },
    engine: 'wasm',
    layers: { start: 0, end: manifest.architecture.layerCount },
  } as const;
}

const REQUEST = {
  tokens: [1, 4093, 198, 504, 3575, 282, 4649, 314],
  promptTokenCount: 8,
  maxTokens: 12,
  endTokens: [],
  sampling: { ...DEFAULT_SAMPLING, temperature: 0, seed: 1 },
};

async function answer(): Promise<number[]> {
  const tokens: number[] = [];
  for await (const event of engine.generator.generate(REQUEST, { signal: new AbortController().signal })) {
    if (event.type === 'token') tokens.push(event.token);
  }
  return tokens;
}

describe('the engine in a worker of a page', () => {
  it('fetches and keeps a model, answers, and loads what it kept without fetching', async () => {
    await engine.forgetWeights();
    const request = await loadRequest();
    const progress: LoadProgress[] = [];
    const loaded = await engine.load(request, { onProgress: (one) => progress.push(one) });
    expect(loaded.info.kind).toBe('wasm');
    expect(progress.at(-1)).toMatchObject({ type: 'self-test' });
    const tokens = await answer();
    expect(tokens).toHaveLength(12);
    const [file] = request.manifest.files;
    expect((await engine.stats()).storedBytes).toBeGreaterThan(file!.bytes * 0.95);

    await engine.terminate();
    const again: LoadProgress[] = [];
    await engine.load(request, { onProgress: (one) => again.push(one) });
    expect(again.some((one) => one.type === 'weights-progress' && one.fetchedBytes > 0)).toBe(false);
    expect(await answer()).toEqual(tokens);
    await engine.forgetWeights();
    expect((await engine.stats()).storedBytes).toBe(0);
  });

  it('answers the same in several workers that hold a part each, which fetch no more than that', async () => {
    await engine.forgetWeights();
    const whole = await loadRequest();
    const parts = [0, 10, 20].map(() => createEngineClient());
    for (const [stage, client] of parts.entries()) {
      await client.load({ ...whole, layers: { start: 10 * stage, end: 10 * (stage + 1) } });
      if (stage === 1) {
        // The table of tokens is a third of this model, and the last layers are not there yet.
        expect((await client.stats()).storedBytes).toBeLessThan(0.8 * whole.manifest.files[0]!.bytes);
      }
    }
    const runners = parts.map(({ layers }) => layers);
    const { tokens } = await runLayerChain(runners, { ...REQUEST, tokenCount: 8, format: 'f32' });
    await Promise.all(parts.map((client) => client.terminate()));
    await engine.load(whole);
    expect(tokens).toEqual(await answer());
    await engine.forgetWeights();
  });

  it('keeps the code of a failed load over the worker boundary', async () => {
    const request = await loadRequest();
    const elsewhere = { ...request, weights: { kind: 'http', baseUrl: `${MODEL}nowhere/` } as const };
    expect(await engine.load(elsewhere).then(() => 'loaded', errorCode)).toBe('source_unavailable');
  });

  it('tells what the device is', async () => {
    const probe = await probeBrowser();
    expect(probe).toMatchObject({ host: 'browser', crossOriginIsolated: true, wasmThreads: true });
    expect(probe.kernels).toBe('relaxed-simd');
    expect(probe.storage!.quotaBytes).toBeGreaterThan(0);
  });
});
