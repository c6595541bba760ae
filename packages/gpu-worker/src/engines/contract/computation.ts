import { describe, expect, it } from 'vitest';
import { compareLogits, cosineSimilarity } from '../compare-logits.ts';
import { createReferenceEngine } from '../reference/engine.ts';
import { assertBatchInvariance } from './batch-invariance.ts';
import { alone, expectSameBits, step, type EngineBench } from './harness.ts';

export interface Closeness {
  /** Most mean KL divergence from the reference's distribution, in nats. */
  readonly meanKl: number;
  /** Least share of positions with the reference's most likely token, 0 to 1. */
  readonly topAgreement: number;
  /** Least cosine of each hidden state with the reference's. */
  readonly hiddenCosine: number;
}

export function describeComputation(bench: () => EngineBench, closeness: Closeness, runs: number): void {
  describe('computation', () => {
    it('gives a position the same bits however a conversation is split, whatever is beside it', async () => {
      const engine = await bench().create({ maxSequences: 3 });
      await assertBatchInvariance(engine, {
        conversations: [1, 2, 3].map((seed) => Array.from(bench().randomTokens(15 + 17 * seed, seed))),
        runs,
      });
      expect(engine.usage().sequences).toBe(0);
    });

    it('composes layer ranges to the whole, to the bit', async () => {
      const { layerCount } = bench();
      const tokens = bench().randomTokens(21, 4);
      const whole = await bench().create();
      const expected = await alone(whole, tokens, 'all-logits');
      const expectedHidden = await alone(whole, tokens, 'hidden');
      for (let split = 1; split < layerCount; split++) {
        const first = await bench().create({ layers: { start: 0, end: split } });
        const second = await bench().create({ layers: { start: split, end: layerCount } });
        const hidden = await alone(first, tokens, 'hidden');
        expectSameBits(await alone(second, hidden, 'all-logits'), expected);
        expectSameBits(await alone(second, hidden, 'hidden'), expectedHidden);
      }
    });

    it('composes ranges token by token as at once', async () => {
      const { layerCount } = bench();
      const tokens = bench().randomTokens(12, 5);
      const whole = await bench().create();
      const expected = await alone(whole, tokens, 'all-logits');
      const size = whole.info.architecture.vocabularySize;
      const stages = [];
      for (let layer = 0; layer < layerCount; layer++) {
        const engine = await bench().create({ layers: { start: layer, end: layer + 1 } });
        stages.push({ engine, sequence: engine.open({ maxTokens: tokens.length }) });
      }
      for (const [position, token] of tokens.entries()) {
        let values: Int32Array | Float32Array = Int32Array.of(token);
        for (const [index, { engine, sequence }] of stages.entries()) {
          values = await step(engine, sequence, values, index === layerCount - 1 ? 'last-logits' : 'hidden');
        }
        expectSameBits(values as Float32Array, expected.subarray(position * size, (position + 1) * size));
      }
    });

    it('gives each kind of output its own shape', async () => {
      const engine = await bench().create();
      const { hiddenSize, vocabularySize } = engine.info.architecture;
      const tokens = bench().randomTokens(9, 6);
      const all = await alone(engine, tokens, 'all-logits');
      const last = await alone(engine, tokens, 'last-logits');
      expect(await alone(engine, tokens, 'none')).toHaveLength(0);
      expect(await alone(engine, tokens, 'hidden')).toHaveLength(9 * hiddenSize);
      expect(all).toHaveLength(9 * vocabularySize);
      expectSameBits(last, all.subarray(-vocabularySize));
    });

    it('answers steps that want different outputs in one forward, in order', async () => {
      const engine = await bench().create();
      const inputs = [7, 8, 9, 10].map((seed) => bench().randomTokens(seed, seed));
      const wanted = ['hidden', 'none', 'last-logits', 'all-logits'] as const;
      const expected: Float32Array[] = [];
      for (const [index, input] of inputs.entries()) expected.push(await alone(engine, input, wanted[index]!));
      const outputs = await engine.forward(
        inputs.map((input, index) => ({
          sequence: engine.open({ maxTokens: input.length }),
          input,
          output: wanted[index]!,
        })),
      );
      expect(outputs).toHaveLength(4);
      outputs.forEach(({ values }, index) => expectSameBits(values, expected[index]!));
    });

    it('stays close to the reference', async () => {
      const { model, layerCount } = bench();
      const tokens = bench().randomTokens(64, 11);
      const engine = await bench().create();
      const layers = { start: 0, end: layerCount };
      const reference = await createReferenceEngine({ reader: model.createReader() }, { layers });
      const { hiddenSize, vocabularySize } = engine.info.architecture;
      const logits = compareLogits(
        await alone(reference, tokens, 'all-logits'),
        await alone(engine, tokens, 'all-logits'),
        vocabularySize,
      );
      const cosine = cosineSimilarity(
        await alone(reference, tokens, 'hidden'),
        await alone(engine, tokens, 'hidden'),
        hiddenSize,
      );
      expect(logits.meanKl).toBeLessThanOrEqual(closeness.meanKl);
      expect(logits.topAgreement).toBeGreaterThanOrEqual(closeness.topAgreement);
      expect(cosine.least).toBeGreaterThanOrEqual(closeness.hiddenCosine);
    });
  });
}
