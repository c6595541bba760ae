import { beforeAll, describe, expect, it } from 'vitest';
import { createTinyModel, type TinyModel } from '../../testing/tiny-model.ts';
import type { Engine, EngineStep } from '../engine.ts';
import { createReferenceEngine } from '../reference/engine.ts';
import { assertBatchInvariance } from './batch-invariance.ts';

const CONVERSATIONS = [
  [1, 5, 9, 200, 41, 7, 7, 300, 12, 4, 88, 3],
  [2, 2, 150, 61, 319, 0, 33, 17],
];

describe('assertBatchInvariance', () => {
  let model: TinyModel;
  beforeAll(async () => {
    model = await createTinyModel({ architecture: { layerCount: 1 } });
  });
  const create = () => createReferenceEngine({ reader: model.createReader() }, { layers: { start: 0, end: 1 } });

  it('accepts an engine whose results do not depend on the batch', async () => {
    const engine = await create();
    await assertBatchInvariance(engine, { conversations: CONVERSATIONS, seed: 1 });
    expect(engine.usage().sequences).toBe(0);
  });

  it('catches one bit that changes in a prefill', async () => {
    const engine = disturbed(await create(), (steps) => steps[0]!.input.length > 4);
    await expect(assertBatchInvariance(engine, { conversations: CONVERSATIONS, seed: 1 })).rejects.toThrow(
      /position \d+, token 3/,
    );
    expect(engine.usage().sequences).toBe(0);
  });

  it('catches one bit that changes beside a neighbour', async () => {
    const engine = disturbed(await create(), (steps) => steps.length > 1);
    await expect(assertBatchInvariance(engine, { conversations: CONVERSATIONS, seed: 1 })).rejects.toThrow(
      /position \d+, token 3/,
    );
  });

  it('catches a step whose positions are not those that follow', async () => {
    const engine = await create();
    const stuck = wrapped(engine, {
      async forward(steps) {
        const outputs = await engine.forward(steps);
        if (steps.length > 1) engine.truncate(steps[1]!.sequence, engine.length(steps[1]!.sequence) - 1);
        return outputs;
      },
    });
    await expect(assertBatchInvariance(stuck, { conversations: CONVERSATIONS, seed: 1 })).rejects.toThrow(
      /has \d+ positions instead of \d+/,
    );
  });

  it('catches a cache that forgets less than it was told', async () => {
    const engine = await create();
    const forgetful = wrapped(engine, {
      truncate: (sequence, length) => engine.truncate(sequence, Math.min(engine.length(sequence), length + 1)),
    });
    await expect(assertBatchInvariance(forgetful, { conversations: CONVERSATIONS, seed: 1 })).rejects.toThrow(
      /has \d+ positions instead of \d+/,
    );
  });
});

/** An engine whose fourth logit of the first output is off by one bit in the forwards that `when` chooses. */
const disturbed = (engine: Engine, when: (steps: readonly EngineStep[]) => boolean): Engine =>
  wrapped(engine, {
    async forward(steps) {
      const outputs = await engine.forward(steps);
      const values = outputs[0]?.values;
      if (!values?.length || !when(steps)) return outputs;
      new Uint32Array(values.buffer, values.byteOffset)[3]! ^= 1;
      return outputs;
    },
  });

const wrapped = (engine: Engine, changes: Partial<Engine>): Engine => ({
  info: engine.info,
  open: (options) => engine.open(options),
  length: (sequence) => engine.length(sequence),
  truncate: (sequence, length) => engine.truncate(sequence, length),
  close: (sequence) => engine.close(sequence),
  forward: (steps) => engine.forward(steps),
  usage: () => engine.usage(),
  dispose: () => engine.dispose(),
  ...changes,
});
