import { array, assert, asyncProperty, constantFrom, integer, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCode } from '../errors.ts';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import { fakeAnswer } from './fake-generator.ts';
import { FakeLayerRunner } from './fake-layer-runner.ts';
import type { ChosenToken, HiddenStates, LayerRequest, LayerSequence } from '../inference/layer-runner.ts';
import type { FakeLayerRunnerInit } from './fake-layer-runner.ts';

const request = (over: Partial<LayerRequest> = {}): LayerRequest => {
  const tokens = over.tokens ?? [5, 6, 7, 8, 9, 10, 11];
  return {
    tokens,
    tokenCount: tokens.length,
    promptTokenCount: tokens.length,
    maxTokens: 9,
    endTokens: [],
    sampling: { ...DEFAULT_SAMPLING, seed: 3 },
    format: 'f16',
    ...over,
  };
};

type Tamper = (states: HiddenStates, stage: number) => HiddenStates;

const changeOneBit: Tamper = (states, stage) => {
  if (stage === 0 && states.position === 4) states.payload[0]! ^= 1;
  return states;
};

/** The tokens of a chain whose parts end at `ends`, with every stage's output given to the next. */
async function answer(
  ends: readonly number[],
  wanted: LayerRequest,
  { tamper = (states) => states, ...init }: FakeLayerRunnerInit & { tamper?: Tamper } = {},
): Promise<number[]> {
  const abort = new AbortController();
  const { signal } = abort;
  const sequences = ends.map((end, stage): LayerSequence => {
    const runner = new FakeLayerRunner({ ...init, layers: { start: ends[stage - 1] ?? 0, end } });
    const between = stage > 0 && stage < ends.length - 1;
    return runner.run(between ? { ...wanted, tokens: [] } : wanted, { signal });
  });
  const tokens: number[] = [];
  const pass = async (sequence: LayerSequence, stage: number) => {
    for await (const event of sequence.events) {
      if (event.type === 'hidden') await sequences[stage + 1]!.give(tamper(event, stage));
      if (event.type === 'token') tokens.push(event.token);
      if (event.type === 'token' && ends.length > 1) void sequences[0]!.give(event);
      if (event.type === 'end') return;
    }
  };
  const others = sequences.slice(0, -1).map((sequence, stage) => pass(sequence, stage).catch(() => {}));
  try {
    await pass(sequences.at(-1)!, ends.length - 1);
  } finally {
    abort.abort();
    await Promise.all(others);
  }
  return tokens;
}

const collect = async ({ events }: LayerSequence) => {
  const seen = [];
  for await (const event of events) seen.push(event);
  return seen;
};

const codeOf = (work: Promise<unknown>) => work.then(() => 'no error', errorCode);

describe('fake layer runner', () => {
  it('gives the tokens of the whole model over any split', async () => {
    await assert(
      asyncProperty(
        uniqueArray(integer({ min: 1, max: 5 })),
        array(integer({ min: 0, max: 49_999 }), { minLength: 1, maxLength: 20 }),
        constantFrom('f16' as const, 'f32' as const),
        integer({ min: 1, max: 9 }),
        async (cuts, tokens, format, chunkPositions) => {
          const wanted = request({ tokens, format });
          const ends = [...cuts.sort((left, right) => left - right), 6];
          expect(await answer(ends, wanted, { chunkPositions })).toEqual(fakeAnswer(wanted));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('stops where the whole model stops', async () => {
    const wanted = request({ maxTokens: 60 });
    expect(await answer([2, 4, 6], wanted, { stopEvery: 7 })).toEqual(fakeAnswer(wanted, 7));
  });

  it('gives other tokens as soon as one hidden value is another', async () => {
    const wanted = request();
    expect(await answer([2, 4, 6], wanted, { tamper: changeOneBit })).not.toEqual(fakeAnswer(wanted));
  });

  it.each<[string, Tamper]>([
    ['a position left out', (states) => ({ ...states, position: states.position + 1 })],
    ['too few bytes', (states) => ({ ...states, payload: states.payload.slice(2) })],
    ['no position', (states) => ({ ...states, count: 0, payload: new Uint8Array(0) })],
    ['a value that is not finite', (states) => ({ ...states, payload: states.payload.fill(0xff) })],
  ])('refuses %s', async (_, tamper) => {
    expect(await codeOf(answer([3, 6], request(), { tamper }))).toBe('invalid_input');
  });

  it('makes whoever gives wait while several inputs are not computed', async () => {
    const [states] = (await firstStates(new FakeLayerRunner({ layers: { start: 0, end: 3 }, chunkPositions: 1 }))) as [
      HiddenStates,
    ];
    const gate = Promise.withResolvers<void>();
    const runner = new FakeLayerRunner({
      layers: { start: 3, end: 5 },
      maxWaiting: 2,
      beforeCompute: () => gate.promise,
    });
    const abort = new AbortController();
    const sequence = runner.run(request({ tokens: [], tokenCount: 7 }), { signal: abort.signal });
    const input = (position: number) => ({ ...states, position, payload: states.payload.slice() });
    await sequence.give(input(0));
    let given = false;
    const waiting = (async () => {
      await sequence.give(input(1));
      given = true;
    })();
    const iterator = sequence.events[Symbol.asyncIterator]();
    await iterator.next();
    expect(given).toBe(false);
    const pulled = iterator.next();
    await waiting;
    gate.resolve();
    expect((await pulled).value).toMatchObject({ type: 'progress', done: 1 });
    expect((await iterator.next()).value).toMatchObject({ type: 'hidden', position: 0 });
    expect(sequence.timing()).toEqual({ prefillMs: 1, decodeMs: 0, decodeSteps: 0 });
    abort.abort(new Error('enough'));
    await expect(codeOf(collect(sequence))).resolves.not.toBe('no error');
    expect([runner.running, runner.aborted]).toEqual([0, 1]);
  });

  it('empties a payload that it was given, as a worker does', async () => {
    const payload = new Uint8Array(16);
    const runner = new FakeLayerRunner({ layers: { start: 3, end: 5 } });
    const sequence = runner.run(request({ tokens: [], tokenCount: 7 }), { signal: new AbortController().signal });
    await sequence.give({ type: 'hidden', position: 0, count: 1, format: 'f16', payload });
    expect(payload.byteLength).toBe(0);
    expect(runner.given).toHaveLength(1);
  });

  it('waits at the first stage for the token that was chosen', async () => {
    const runner = new FakeLayerRunner({ layers: { start: 0, end: 3 } });
    const sequence = runner.run(request({ tokens: [1] }), { signal: new AbortController().signal });
    const chosen: ChosenToken = { type: 'token', position: 1, token: 4 };
    const positions: number[] = [];
    for await (const event of sequence.events) {
      if (event.type !== 'hidden') continue;
      positions.push(event.position);
      if (event.position === 1) break;
      await sequence.give(chosen);
    }
    expect(positions).toEqual([0, 1]);
    expect(sequence.timing().decodeSteps).toBe(1);
  });
});

/** The first hidden states of `runner`. */
async function firstStates(runner: FakeLayerRunner): Promise<HiddenStates[]> {
  for await (const event of runner.run(request(), { signal: new AbortController().signal }).events) {
    if (event.type === 'hidden') return [event];
  }
  return [];
}
