import type { TensorReader } from '@opengateway/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alone } from '../contract/harness.ts';
import type { Engine } from '../engine.ts';
import { compareWithGolden, teacherForcedLogits, type Golden } from '../golden.ts';
import { loadGolden, openGoldenModel } from '../golden-model.ts';
import { createReferenceEngine } from './engine.ts';

describe('reference engine on the embedded model', { timeout: 120_000 }, () => {
  let golden: Golden;
  let reader: TensorReader & AsyncDisposable;

  beforeAll(async () => {
    golden = await loadGolden();
    reader = await openGoldenModel();
  });
  afterAll(() => reader[Symbol.asyncDispose]());

  it('reproduces the hidden states after 1, 10, 20 and 30 layers to 1e-3, one range after the other', async () => {
    const { conversation, values } = golden.hiddenAfterLayers;
    let input: Int32Array | Float32Array = Int32Array.from(golden.conversations[conversation]!.promptTokens);
    let start = 0;
    for (const end of [1, 10, 20, 30]) {
      const engine = await createReferenceEngine({ reader }, { layers: { start, end } });
      const states: Float32Array = await alone(engine, input, 'hidden');
      engine.dispose();
      const expected = values[end]!;
      const last = states.subarray(-expected.length);
      const size = Math.sqrt(expected.reduce((sum, value) => sum + value ** 2, 0) / expected.length);
      expected.forEach((value, index) => {
        // Relative to the value, or to the typical one where a value happens to be near zero.
        const difference = Math.abs(last[index]! - value) / Math.max(Math.abs(value), size);
        if (difference > 1e-3) expect.fail(`after layer ${end}, value ${index} is ${last[index]}, not ${value}`);
      });
      input = states;
      start = end;
    }
  });

  describe('whole', () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await createReferenceEngine({ reader }, { layers: { start: 0, end: 30 } });
    }, 60_000);
    afterAll(() => engine.dispose());

    it.each([0, 1, 2, 3, 4, 5])(
      'reproduces conversation %i: decisive tokens and the five highest logits',
      async (index) => {
        const conversation = golden.conversations[index]!;
        const comparison = compareWithGolden(await teacherForcedLogits(engine, conversation), conversation);
        expect(comparison.positions).toBe(conversation.greedyTokens.length);
        expect(comparison.decisiveMisses).toEqual([]);
        expect(comparison.maxLogitDifference).toBeLessThan(1e-3);
      },
    );
  });
});
