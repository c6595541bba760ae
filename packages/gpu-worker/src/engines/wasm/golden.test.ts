import type { TensorReader } from '@opengateway/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareLogits } from '../compare-logits.ts';
import type { Engine } from '../engine.ts';
import { assertBatchInvariance } from '../contract/batch-invariance.ts';
import { compareWithGolden, teacherForcedLogits, type Golden } from '../golden.ts';
import { loadGolden, openGoldenModel } from '../golden-model.ts';
import { createReferenceEngine } from '../reference/engine.ts';
import { createWasmEngine } from './engine.ts';

const LAYERS = { start: 0, end: 30 };

describe('wasm engine on the embedded model', () => {
  let golden: Golden;
  let reader: TensorReader & AsyncDisposable;
  let relaxed: Engine;
  let plain: Engine;

  beforeAll(async () => {
    golden = await loadGolden();
    reader = await openGoldenModel();
    relaxed = await createWasmEngine({ reader }, { layers: LAYERS, variant: 'relaxed-simd' });
    plain = await createWasmEngine({ reader }, { layers: LAYERS, variant: 'simd', threads: 2 });
  }, 60_000);
  afterAll(async () => {
    relaxed.dispose();
    plain.dispose();
    await reader[Symbol.asyncDispose]();
  });

  it('holds the weights in about the size of their file', () => {
    expect(relaxed.info.weightBytes).toBeLessThan(1.2 * reader.manifest.files[0]!.bytes);
  });

  it('stays within KL 0.007 of the reference, with the same top token in 95 % of positions', async () => {
    const reference = await createReferenceEngine({ reader }, { layers: LAYERS });
    let positions = 0;
    let kl = 0;
    let agreed = 0;
    let agreedWithGolden = 0;
    for (const conversation of golden.conversations) {
      const expected = await teacherForcedLogits(reference, conversation);
      const own = await teacherForcedLogits(relaxed, conversation);
      const comparison = compareLogits(expected, own, reference.info.architecture.vocabularySize);
      positions += comparison.positions;
      kl += comparison.meanKl * comparison.positions;
      agreed += comparison.topAgreement * comparison.positions;
      agreedWithGolden += compareWithGolden(own, conversation).topAgreement * comparison.positions;
    }
    reference.dispose();
    expect(positions).toBe(golden.conversations.reduce((sum, { greedyTokens }) => sum + greedyTokens.length, 0));
    expect(kl / positions).toBeLessThanOrEqual(0.007);
    expect(agreed / positions).toBeGreaterThanOrEqual(0.95);
    expect(agreedWithGolden / positions).toBeGreaterThanOrEqual(0.95);
  }, 240_000);

  it('gives a position the same bits however conversations are split and whatever is beside them', async () => {
    const conversations = golden.conversations
      .slice(0, 3)
      .map(({ promptTokens, greedyTokens }) => promptTokens.concat(greedyTokens.slice(0, 8)));
    await assertBatchInvariance(relaxed, { conversations, runs: 8 });
  }, 120_000);

  it('gives the same bits with and without relaxed SIMD, on one thread and two', async () => {
    for (const conversation of golden.conversations.slice(0, 3)) {
      const left = await teacherForcedLogits(relaxed, conversation);
      const right = await teacherForcedLogits(plain, conversation);
      expect(Buffer.compare(Buffer.from(left.buffer), Buffer.from(right.buffer))).toBe(0);
    }
  }, 60_000);
});
