import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decodeManifest } from '../models/parse-manifest.ts';
import { estimateLoaded } from './estimate-loaded.ts';
import { servedContext } from './served-context.ts';

const manifest = decodeManifest(
  await readFile(new URL('../../../../models/smollm2-135m-instruct/manifest.json', import.meta.url)),
);
const loaded = {
  info: { maxSequences: 8, variant: 'simd', kvBudgetBytes: 6_000_000, kvBytesPerToken: 6_000 },
  decodeTokensPerSecond: 60,
  prefillTokensPerSecond: 200,
};

describe('estimateLoaded', () => {
  it('expects rates by the bytes of weights and room by layers and heads', () => {
    const { architecture } = manifest;
    const larger = { ...manifest, architecture: { ...architecture, layerCount: architecture.layerCount * 2 } };
    const measured = { loaded, manifest, layers: architecture.layerCount, bytes: 100 };
    const estimate = estimateLoaded(measured, larger, 300);
    expect(estimate).toMatchObject({ decodeTokensPerSecond: 20, info: { maxSequences: 8, kvBytesPerToken: 12_000 } });
    expect(estimate.prefillTokensPerSecond).toBeCloseTo(200 / 3);
    expect(servedContext(8_192, estimate.info)).toBe(500);
  });

  it('knows a model by a part of it', () => {
    const layers = manifest.architecture.layerCount / 2;
    const estimate = estimateLoaded({ loaded, manifest, layers, bytes: 50 }, manifest, 100);
    expect(estimate.info.kvBytesPerToken).toBe(12_000);
    expect(estimate.decodeTokensPerSecond).toBe(30);
  });

  it('leaves out what the engine does not say', () => {
    const { kvBytesPerToken: _, ...info } = loaded.info;
    const measured = { loaded: { ...loaded, info }, manifest, layers: 30, bytes: 1 };
    expect(estimateLoaded(measured, manifest, 0).info).toEqual(info);
  });
});
