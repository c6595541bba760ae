import { DEFAULT_SAMPLING, errorCode } from '@opengateway/core';
import { FakeClock } from '@opengateway/core/testing';
import { describe, expect, it } from 'vitest';
import { FakeEngine, createGreedySampler } from '../testing/index.ts';
import { CREDIT_WINDOW_LAYER_EVENTS, HEARTBEAT_INTERVAL_MS, MAX_GIVEN_INPUTS } from './constants.ts';
import { encodeHidden } from './hidden-payload.ts';
import { createScheduler } from './scheduler.ts';
import type { HiddenStates, LayerEvent, LayerRange, LayerRequest } from '@opengateway/core';
import type { SequenceState } from '../api.ts';
import type { FakeEngineInit } from '../testing/index.ts';
import type { SchedulerInit } from './types.ts';

const FIRST = { start: 0, end: 1 };
const MIDDLE = { start: 1, end: 2 };
const LAST = { start: 2, end: 3 };

function setup(layers: LayerRange, engineInit: FakeEngineInit = {}, init: SchedulerInit = {}) {
  const clock = new FakeClock();
  const engine = new FakeEngine({
    part: { layers, layerCount: 3 },
    onForward: () => clock.advance(5),
    ...engineInit,
  });
  const scheduler = createScheduler({ engine, createSampler: createGreedySampler, clock }, init);
  const start = (over: Partial<LayerRequest> = {}) => {
    const events: LayerEvent[] = [];
    let state: SequenceState | undefined;
    let failure: string | undefined;
    const handle = scheduler.startLayers(request(layers, over), {
      emit: (event, now) => {
        events.push(event);
        state = now;
      },
      fail: (error) => {
        failure = errorCode(error);
      },
    });
    const give = (position: number, ...tokens: number[]) => handle.give(states(position, tokens));
    const hidden = () => events.filter((event) => event.type === 'hidden');
    const tokens = () => events.flatMap((event) => (event.type === 'token' ? [event.token] : []));
    return { handle, events, give, hidden, tokens, state: () => state, failure: () => failure };
  };
  return { clock, engine, scheduler, start };
}

const request = (layers: LayerRange, over: Partial<LayerRequest>): LayerRequest => {
  const tokens = over.tokens ?? [1, 2, 3];
  return {
    tokenCount: tokens.length,
    promptTokenCount: tokens.length,
    maxTokens: 10,
    endTokens: [],
    sampling: { ...DEFAULT_SAMPLING, seed: 1 },
    format: 'f16',
    ...over,
    tokens: layers === MIDDLE ? [] : tokens,
  };
};

/** As the fake engine has them: the token, then zeros. */
function states(position: number, tokens: readonly number[]): HiddenStates {
  const rows = new Float32Array(tokens.length * 8);
  tokens.forEach((token, row) => {
    rows[row * 8] = token;
  });
  return encodeHidden(rows, { position, hiddenSize: 8, format: 'f16' })[0]!;
}

/** Turns of the message queue: enough for any step under way to end. */
const turns = async (count = 60) => {
  for (let index = 0; index < count; index++) await new Promise((resolve) => setImmediate(resolve));
};

const prompt = (length: number) => Array.from({ length }, (_, at) => (at * 7) % 64);

describe('scheduler of part of a model', () => {
  it('reads the prompt at the first stage, then waits for each token', async () => {
    const { start, engine } = setup(FIRST);
    const part = start();
    await turns();
    expect(part.hidden()).toEqual([states(0, [1, 2, 3])]);
    part.handle.give({ type: 'token', position: 3, token: 9 });
    await turns();
    expect(part.hidden()[1]).toEqual(states(3, [9]));
    expect(engine.forwards.map(([step]) => step!.output)).toEqual(['hidden', 'hidden']);
    expect(part.state()).toEqual({ timing: { prefillMs: 5, decodeMs: 5, decodeSteps: 1 }, takenInputs: 1 });
  });

  it('chooses at the last stage once the whole prompt was computed, then after every position', async () => {
    const { start, engine } = setup(LAST);
    const part = start();
    part.give(0, 1, 2);
    await turns();
    expect(part.tokens()).toEqual([]);
    part.give(2, 3);
    await turns();
    const [first] = part.tokens();
    expect(first).toBe(createGreedySampler().sample(engine.logitsAfter([1, 2, 3]), 3).token);
    await turns();
    expect(part.tokens()).toHaveLength(1);
    part.give(3, first!);
    await turns();
    expect(part.events.filter(({ type }) => type === 'token')).toMatchObject([{ position: 3 }, { position: 4 }]);
    expect(engine.forwards.map(([step]) => step!.output)).toEqual(['none', 'last-logits', 'last-logits']);
  });

  it('computes what waits in one step, and no more of it than a step may hold', async () => {
    const { start, engine } = setup(MIDDLE, { maxBatchTokens: 6 });
    const part = start({ tokens: prompt(10) });
    for (let position = 0; position < 10; position += 2)
      part.give(position, ...prompt(10).slice(position, position + 2));
    await turns();
    expect(engine.forwards.map(([step]) => step!.tokens)).toEqual([prompt(10).slice(0, 6), prompt(10).slice(6)]);
    expect(part.hidden().map(({ position, count }) => [position, count])).toEqual([
      [0, 6],
      [6, 4],
    ]);
    expect(part.state()!.takenInputs).toBe(5);
  });

  it('keeps the prompt and the answer in steps of their own', async () => {
    const { start, engine } = setup(MIDDLE);
    const part = start();
    part.give(0, 1, 2, 3, 4, 5);
    await turns();
    expect(engine.forwards.map(([step]) => step!.tokens)).toEqual([[1, 2, 3], [4], [5]]);
    expect(part.state()!.timing).toEqual({ prefillMs: 5, decodeMs: 10, decodeSteps: 2 });
  });

  it('lets all that have something to compute share a step, and waits for none of the others', async () => {
    const { start, engine } = setup(MIDDLE);
    const all = Array.from({ length: 4 }, () => start());
    for (const part of all) part.give(0, 1, 2, 3);
    await turns();
    const before = engine.forwards.length;
    for (const part of all.slice(1)) part.give(3, 7);
    await turns();
    expect(engine.forwards.slice(before).map((steps) => steps.length)).toEqual([3]);
    expect(all.map((part) => part.hidden().length)).toEqual([1, 2, 2, 2]);
  });

  it('stops after a bounded number of events that nobody takes, and goes on when they are', async () => {
    const { start, engine } = setup(FIRST, { maxBatchTokens: 4 });
    const part = start({ tokens: prompt(400) });
    await turns();
    expect(part.hidden()).toHaveLength(CREDIT_WINDOW_LAYER_EVENTS);
    const forwards = engine.forwards.length;
    part.handle.grant(3);
    await turns();
    expect(engine.forwards).toHaveLength(forwards + 3);
  });

  it('gives the place of a consumer that stays away to someone else', async () => {
    const { start, clock, engine } = setup(FIRST, { maxBatchTokens: 4 }, { creditStallLimitMs: 2_000 });
    const away = start({ tokens: prompt(400) });
    for (let count = 0; count < 6; count++) {
      await turns();
      await clock.advance(HEARTBEAT_INTERVAL_MS);
    }
    await turns();
    expect(away.failure()).toBe('consumer_stalled');
    expect(engine.usage().sequences).toBe(0);
  });

  it('says that it is alive while it waits for the prompt from its neighbour', async () => {
    const { start, clock } = setup(MIDDLE);
    const part = start();
    await turns();
    for (let count = 0; count < 3; count++) {
      await clock.advance(HEARTBEAT_INTERVAL_MS);
      await turns();
    }
    expect(part.events).toHaveLength(4);
    expect(new Set(part.events.map((event) => JSON.stringify(event)))).toEqual(
      new Set([JSON.stringify({ type: 'progress', state: 'prefill', done: 0, total: 3 })]),
    );
  });

  it('takes what is given while it waits for a place', async () => {
    const { start } = setup(MIDDLE, { maxSequences: 1 });
    const first = start();
    const second = start();
    second.give(0, 4, 5, 6);
    await turns();
    expect(second.hidden()).toEqual([]);
    first.handle.cancel();
    await turns();
    expect(second.hidden()).toEqual([states(0, [4, 5, 6])]);
  });

  it('does not close a sequence under the engine when what it is given is refused', async () => {
    const gate = Promise.withResolvers<void>();
    const { start, engine } = setup(MIDDLE, { onForward: () => gate.promise });
    const part = start();
    part.give(0, 1);
    await turns();
    part.give(7, 1);
    expect(part.failure()).toBe('invalid_input');
    expect(engine.usage().sequences).toBe(1);
    gate.resolve();
    await turns();
    expect(engine.usage().sequences).toBe(0);
    expect(part.hidden()).toEqual([]);
  });

  it('refuses positions beyond what the request reserved, and more than may wait', async () => {
    const beyond = setup(MIDDLE).start({ maxTokens: 1 });
    beyond.give(0, 1, 2, 3, 4);
    beyond.give(4, 5);
    expect(beyond.failure()).toBe('invalid_input');
    const { start } = setup(MIDDLE, { onForward: () => new Promise(() => {}) });
    const flooded = start({ tokens: prompt(500) });
    for (let position = 0; position <= MAX_GIVEN_INPUTS; position++) flooded.give(position, 1);
    expect(flooded.failure()).toBe('invalid_input');
  });

  it.each([
    ['the engine', FIRST, 'engine_failed'],
    ['what it was given', MIDDLE, 'invalid_input'],
  ])('blames %s where layers %j compute what is not finite', async (_, layers, code) => {
    const { start, engine } = setup(layers);
    engine.forward = async (steps) => steps.map(() => ({ values: new Float32Array(24).fill(Number.NaN) }));
    const part = start();
    if (layers === MIDDLE) part.give(0, 1, 2, 3);
    await turns();
    expect(part.failure()).toBe(code);
    expect(engine.usage().sequences).toBe(0);
  });

  it('counts the tokens of the answer that went through it', async () => {
    const { start, scheduler } = setup(MIDDLE);
    const part = start();
    part.give(0, 1, 2, 3);
    for (let position = 3; position < 7; position++) part.give(position, 1);
    await turns();
    expect(scheduler.stats()).toMatchObject({ active: 1, tokensTotal: 4, prefillTokensTotal: 3 });
    part.handle.cancel();
    await turns();
    expect(scheduler.stats().active).toBe(0);
  });
});
