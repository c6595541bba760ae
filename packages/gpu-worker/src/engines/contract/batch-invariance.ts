import * as fc from 'fast-check';
import type { Engine, EngineStep, SequenceId } from '../engine.ts';
import { firstDifference } from './harness.ts';

export interface BatchInvarianceOptions {
  /** Token ids of sequences that are computed beside each other, at most as many as the engine's sequences. */
  readonly conversations: readonly (readonly number[])[];
  /** Random schedules tried. @default 25 */
  readonly runs?: number;
  /** Of the random schedules; a failure reports it. @default random */
  readonly seed?: number;
  /** Most tokens of one step. @default 24 */
  readonly maxStepTokens?: number;
  /** Most forwards of a schedule before the rest of every conversation is computed. @default 12 */
  readonly maxForwards?: number;
}

/** One sequence's share of one forward of a schedule. */
interface Move {
  readonly conversation: number;
  /** Positions forgotten before the step, to be computed anew. */
  readonly rewind: number;
  readonly tokens: number;
  readonly output: 'none' | 'last-logits' | 'all-logits';
}

/**
 * Asserts that an engine of the whole model is batch-invariant, to the bit: random splits of the
 * conversations into prefill chunks, decode steps, rewinds and neighbours give every position the logits
 * it has when each conversation is computed alone, one token at a time.
 *
 * Leaves no sequence open. Rejects with fast-check's report: the smallest schedule that fails, and the seed.
 */
export async function assertBatchInvariance(engine: Engine, options: BatchInvarianceOptions): Promise<void> {
  const { conversations, runs = 25, maxStepTokens = 24, maxForwards = 12 } = options;
  const expected: Float32Array[][] = [];
  for (const conversation of conversations) expected.push(await decodeAlone(engine, conversation));

  const move: fc.Arbitrary<Move> = fc.record({
    conversation: fc.nat(conversations.length - 1),
    rewind: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(6) }),
    tokens: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: maxStepTokens })),
    output: fc.constantFrom('none', 'last-logits', 'all-logits'),
  });
  const forward = fc.uniqueArray(move, { minLength: 1, selector: ({ conversation }) => conversation });
  const schedule = fc.array(forward, { minLength: 1, maxLength: maxForwards });
  await fc.assert(
    fc.asyncProperty(schedule, (forwards) => replay(engine, conversations, expected, forwards)),
    { numRuns: runs, includeErrorInReport: true, ...(options.seed === undefined ? {} : { seed: options.seed }) },
  );
}

async function decodeAlone(engine: Engine, conversation: readonly number[]): Promise<Float32Array[]> {
  const sequence = engine.open({ maxTokens: conversation.length });
  const logits: Float32Array[] = [];
  for (const token of conversation) {
    const [output] = await engine.forward([{ sequence, input: Int32Array.of(token), output: 'last-logits' }]);
    logits.push(output!.values.slice());
  }
  engine.close(sequence);
  return logits;
}

async function replay(
  engine: Engine,
  conversations: readonly (readonly number[])[],
  expected: readonly (readonly Float32Array[])[],
  forwards: readonly (readonly Move[])[],
): Promise<void> {
  const sequences = conversations.map(({ length }) => engine.open({ maxTokens: length }));
  const everything = conversations.map(({ length }, conversation): Move => ({
    conversation,
    rewind: 0,
    tokens: length,
    output: 'all-logits',
  }));
  try {
    for (const moves of [...forwards, everything]) {
      await compareForward(engine, conversations, expected, sequences, moves);
    }
  } finally {
    for (const sequence of sequences) engine.close(sequence);
  }
}

async function compareForward(
  engine: Engine,
  conversations: readonly (readonly number[])[],
  expected: readonly (readonly Float32Array[])[],
  sequences: readonly SequenceId[],
  moves: readonly Move[],
): Promise<void> {
  const steps: EngineStep[] = [];
  const checks: { readonly conversation: number; readonly first: number; readonly end: number }[] = [];
  let room = engine.info.maxBatchTokens;
  for (const { conversation, rewind, tokens, output } of moves) {
    const sequence = sequences[conversation]!;
    const length = engine.length(sequence);
    const start = Math.max(0, length - rewind);
    if (start < length) engine.truncate(sequence, start);
    expectLength(engine, sequence, start);
    const input = Int32Array.from(conversations[conversation]!.slice(start, start + Math.min(tokens, room)));
    if (input.length === 0) continue;
    room -= input.length;
    const end = start + input.length;
    steps.push({ sequence, input, output });
    checks.push({ conversation, first: firstCompared(output, start, end), end });
  }
  const outputs = await engine.forward(steps);
  checks.forEach(({ conversation, first, end }, index) => {
    expectLength(engine, steps[index]!.sequence, end);
    const { values } = outputs[index]!;
    const size = engine.info.architecture.vocabularySize;
    if (values.length !== (end - first) * size)
      throw new Error(`${values.length} logits for ${end - first} positions.`);
    for (let position = first; position < end; position++) {
      const actual = values.subarray((position - first) * size, (position - first + 1) * size);
      const token = firstDifference(actual, expected[conversation]![position]!);
      if (token === -1) continue;
      throw new Error(
        `Conversation ${conversation}, position ${position}, token ${token}: ` +
          `${actual[token]} instead of ${expected[conversation]![position]![token]}.`,
      );
    }
  });
}

function expectLength(engine: Engine, sequence: SequenceId, expected: number): void {
  const length = engine.length(sequence);
  if (length !== expected) throw new Error(`A sequence has ${length} positions instead of ${expected}.`);
}

function firstCompared(output: Move['output'], start: number, end: number): number {
  if (output === 'all-logits') return start;
  return output === 'last-logits' ? end - 1 : end;
}
