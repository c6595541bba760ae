import { describe, expect, it } from 'vitest';
import type { Engine, EngineStep, SequenceId } from '../engine.ts';
import { alone, expectSameBits, rejection, step, type EngineBench } from './harness.ts';

type Broken = (engine: Engine, sequence: SequenceId, tokens: Int32Array) => readonly EngineStep[];

/** Steps refused by an engine that starts at layer 0. */
export const BROKEN_TOKEN_STEPS: Readonly<Record<string, Broken>> = {
  'hidden states where tokens belong': ({ info }, sequence) => [
    { sequence, input: new Float32Array(info.architecture.hiddenSize), output: 'none' },
  ],
  'no tokens': (_, sequence) => [{ sequence, input: new Int32Array(0), output: 'none' }],
  'a token beyond the vocabulary': ({ info }, sequence) => [
    { sequence, input: Int32Array.of(1, info.architecture.vocabularySize), output: 'none' },
  ],
  'a negative token': (_, sequence) => [{ sequence, input: Int32Array.of(1, -1), output: 'none' }],
  'two steps of one sequence': (_, sequence, tokens) => [
    { sequence, input: tokens.subarray(0, 1), output: 'none' },
    { sequence, input: tokens.subarray(1, 2), output: 'none' },
  ],
};

/** Steps refused by an engine in the middle of the model. */
const BROKEN_STATE_STEPS: Readonly<Record<string, Broken>> = {
  'tokens where hidden states belong': (_, sequence, tokens) => [{ sequence, input: tokens, output: 'hidden' }],
  'no states': (_, sequence) => [{ sequence, input: new Float32Array(0), output: 'hidden' }],
  'a piece of a state': ({ info }, sequence) => [
    { sequence, input: new Float32Array(info.architecture.hiddenSize + 1), output: 'hidden' },
  ],
  'the last logits of a range without the last layer': ({ info }, sequence) => [
    { sequence, input: new Float32Array(info.architecture.hiddenSize), output: 'last-logits' },
  ],
  'all logits of a range without the last layer': ({ info }, sequence) => [
    { sequence, input: new Float32Array(info.architecture.hiddenSize), output: 'all-logits' },
  ],
};

export function describeSteps(bench: () => EngineBench): void {
  describe('steps', () => {
    it('computes nothing for no steps', async () => {
      const engine = await bench().create();
      expect(await engine.forward([])).toEqual([]);
    });

    it.each(Object.entries(BROKEN_TOKEN_STEPS))('refuses %s, and nothing changes', async (_, broken) => {
      await expectRefusal(await bench().create(), bench().randomTokens(24, 1), broken);
    });

    it.each(Object.entries(BROKEN_STATE_STEPS))('refuses %s, and nothing changes', async (_, broken) => {
      const engine = await bench().create({ layers: { start: 1, end: bench().layerCount - 1 || 2 } });
      const first = await bench().create({ layers: { start: 0, end: 1 } });
      await expectRefusal(engine, await alone(first, bench().randomTokens(24, 2), 'hidden'), broken);
    });

    it('refuses more tokens than a batch may have, and nothing changes', async ({ skip }) => {
      const engine = await bench().create({ maxSequences: 8 });
      const { maxBatchTokens, architecture } = engine.info;
      const perSequence = Math.ceil((maxBatchTokens + 1) / 8);
      if (perSequence > architecture.contextLength) skip('No batch of this model can be too large.');
      const steps = Array.from({ length: 8 }, (_, seed) => ({
        sequence: engine.open({ maxTokens: perSequence }),
        input: bench().randomTokens(perSequence, seed),
        output: 'none' as const,
      }));
      await expect(engine.forward(steps)).rejects.toThrow(rejection('invalid_step') as Error);
      for (const { sequence } of steps) expect(engine.length(sequence)).toBe(0);
    });

    it('computes nothing of a forward in which one step is wrong', async () => {
      const engine = await bench().create();
      const tokens = bench().randomTokens(24, 3);
      const expected = await alone(engine, tokens, 'last-logits');
      const good = engine.open({ maxTokens: 24 });
      const other = engine.open({ maxTokens: 8 });
      await step(engine, good, tokens.subarray(0, 12), 'none');
      const right: EngineStep = { sequence: good, input: bench().randomTokens(12, 4), output: 'last-logits' };
      const tooLong: EngineStep = { sequence: other, input: bench().randomTokens(9, 5), output: 'none' };
      const unknown: EngineStep = { sequence: 987_654_321 as SequenceId, input: Int32Array.of(1), output: 'none' };
      const outside: EngineStep = { sequence: other, input: Int32Array.of(-7), output: 'none' };
      for (const [wrong, code] of [
        [tooLong, 'context_length_exceeded'],
        [unknown, 'sequence_not_found'],
        [outside, 'invalid_step'],
      ] as const) {
        await expect(engine.forward([right, wrong])).rejects.toThrow(rejection(code) as Error);
        await expect(engine.forward([wrong, right])).rejects.toThrow(rejection(code) as Error);
      }
      expect(engine.length(good)).toBe(12);
      expect(engine.length(other)).toBe(0);
      expectSameBits(await step(engine, good, tokens.subarray(12), 'last-logits'), expected);
    });
  });
}

/** Half of `input`, the refused forward, the other half: the result must be that of all of `input` undisturbed. */
export async function expectRefusal(engine: Engine, input: Int32Array | Float32Array, broken: Broken): Promise<void> {
  const output = engine.info.layers.end === engine.info.architecture.layerCount ? 'last-logits' : 'hidden';
  const row = input instanceof Int32Array ? 1 : engine.info.architecture.hiddenSize;
  const tokens = input.length / row;
  const half = Math.floor(tokens / 2);
  const expected = await alone(engine, input, output);
  const sequence = engine.open({ maxTokens: tokens });
  await step(engine, sequence, input.subarray(0, half * row), 'none');
  const steps = broken(engine, sequence, Int32Array.of(1, 2, 3));
  await expect(engine.forward(steps)).rejects.toThrow(rejection('invalid_step') as Error);
  expect(engine.length(sequence)).toBe(half);
  const rest = await step(engine, sequence, input.subarray(half * row), output);
  expectSameBits(rest, expected.subarray(expected.length - rest.length));
}
