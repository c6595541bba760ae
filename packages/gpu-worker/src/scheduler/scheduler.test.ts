import { DEFAULT_SAMPLING, errorCode } from '@opengateway/core';
import { FakeClock } from '@opengateway/core/testing';
import { describe, expect, it } from 'vitest';
import { FakeEngine, createGreedySampler } from '../testing/index.ts';
import { HEARTBEAT_INTERVAL_MS } from './constants.ts';
import { createScheduler } from './scheduler.ts';
import type { GenerateEvent, GenerateRequest } from '@opengateway/core';
import type { FakeEngineInit } from '../testing/index.ts';
import type { SchedulerInit } from './types.ts';

const request = (over: Partial<GenerateRequest> = {}): GenerateRequest => ({
  tokens: [1, 2, 3],
  promptTokenCount: 3,
  maxTokens: 10,
  endTokens: [],
  sampling: { ...DEFAULT_SAMPLING, seed: 1 },
  ...over,
});

function setup(engineInit: FakeEngineInit = {}, init: SchedulerInit = {}) {
  const clock = new FakeClock();
  const engine = new FakeEngine({ ...engineInit, onForward: engineInit.onForward ?? (() => clock.advance(5)) });
  const scheduler = createScheduler({ engine, createSampler: createGreedySampler, clock }, init);
  const log: string[] = [];
  const start = (over: Partial<GenerateRequest> = {}, label = '') => {
    const events: GenerateEvent[] = [];
    const { promise: done, resolve } = Promise.withResolvers<'stop' | 'length' | { failed: string | undefined }>();
    const watchers = new Set<() => void>();
    const handle = scheduler.start(request(over), {
      emit: (event) => {
        events.push(event);
        log.push(`${label}${event.type}`);
        if (event.type === 'end') resolve(event.reason);
        for (const watcher of watchers) watcher();
      },
      fail: (error) => resolve({ failed: errorCode(error) }),
    });
    const tokens = () => events.flatMap((event) => (event.type === 'token' ? [event.token] : []));
    const until = (met: () => boolean) =>
      new Promise<void>((met_) => {
        const watcher = () => {
          if (!met()) return;
          watchers.delete(watcher);
          met_();
        };
        watchers.add(watcher);
        watcher();
      });
    return { handle, events, done, tokens, until };
  };
  return { clock, engine, scheduler, start, log };
}

/** Turns of the message queue: enough for any step under way to end. */
const turns = async (count = 20) => {
  for (let index = 0; index < count; index++) await new Promise((resolve) => setImmediate(resolve));
};

/** Moves time while the scheduler rests, until `done`. */
const idleThrough = async (clock: FakeClock, done: () => boolean) => {
  while (!done()) {
    if (clock.sleeping > 0) await clock.advance(1);
    else await turns(1);
  }
};

const prompt = (index: number, length: number) => Array.from({ length }, (_, at) => (index * 31 + at * 7) % 64);

describe('scheduler', () => {
  it('computes an answer of maxTokens tokens and says how it got there', async () => {
    const { start, engine } = setup();
    const answer = start();
    expect(await answer.done).toBe('length');
    expect(answer.events.map(({ type }) => type)).toEqual([
      'progress',
      'progress',
      ...Array.from({ length: 10 }, () => 'token'),
      'end',
    ]);
    const expected: number[] = [];
    for (let count = 0; count < 10; count++) {
      expected.push(createGreedySampler().sample(engine.logitsAfter([1, 2, 3, ...expected]), 0).token);
    }
    expect(answer.tokens()).toEqual(expected);
    expect(engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
  });

  it('asks for no more than the highest logits where they decide, and chooses the same tokens', async () => {
    const sampling = { ...DEFAULT_SAMPLING, seed: 1, temperature: 0 };
    const whole = setup();
    const expected = whole.start({ sampling });
    await expected.done;
    const { start, engine } = setup({ topK: 4 });
    const answer = start({ sampling });
    await answer.done;
    expect(answer.tokens()).toEqual(expected.tokens());
    expect(engine.forwards.flat().every(({ output }) => output === 'none' || output === 'top-k')).toBe(true);
    await start({ sampling: { ...sampling, topLogprobs: 2 } }).done;
    expect(engine.forwards.flat().at(-1)?.output).toBe('last-logits');
  });

  it('ends at an end token without telling it', async () => {
    const { start } = setup();
    const whole = start();
    await whole.done;
    const ending = start({ endTokens: [whole.tokens()[4] as number] });
    expect(await ending.done).toBe('stop');
    expect(ending.tokens()).toEqual(whole.tokens().slice(0, whole.tokens().indexOf(whole.tokens()[4] as number)));
  });

  it('gives the sampler absolute positions, also when it continues an answer', async () => {
    const positions: number[] = [];
    const clock = new FakeClock();
    const greedy = createGreedySampler();
    const scheduler = createScheduler({
      engine: new FakeEngine(),
      clock,
      createSampler: () => ({
        sample: (logits, position) => {
          positions.push(position);
          return greedy.sample(logits, position);
        },
        accept: greedy.accept,
      }),
    });
    await new Promise<void>((resolve) =>
      scheduler.start(request({ tokens: [5, 6, 7, 8], promptTokenCount: 2, maxTokens: 3 }), {
        emit: (event) => event.type === 'end' && resolve(),
        fail: () => {},
      }),
    );
    expect(positions).toEqual([4, 5, 6]);
  });

  it('lets eight answers progress together, each equal to itself alone', async () => {
    const requests = Array.from({ length: 8 }, (_, index) => ({
      tokens: prompt(index, 5 + index * 9),
      maxTokens: 20,
    }));
    const alone = [];
    for (const one of requests) {
      const { start } = setup();
      const answer = start(one);
      await answer.done;
      alone.push(answer.tokens());
    }
    const { start, engine } = setup();
    const endedWhen: number[] = [];
    const answers = requests.map((one) => start(one));
    await Promise.all(
      answers.map(async (answer) => {
        await answer.done;
        endedWhen.push(Math.min(...answers.map((other) => other.tokens().length)));
      }),
    );
    expect(answers.map((answer) => answer.tokens())).toEqual(alone);
    // When the first of them ended, every other one was well on its way.
    expect(endedWhen[0]).toBeGreaterThan(10);
    expect(engine.forwards.some((steps) => steps.filter(({ output }) => output === 'last-logits').length === 8)).toBe(
      true,
    );
  });

  it('keeps answers going while a long prompt is read in pieces, and asks for logits at its end only', async () => {
    const { start, engine } = setup({ maxBatchTokens: 32 });
    const running = start({ maxTokens: 200 });
    running.handle.grant(1000);
    await running.until(() => running.tokens().length > 2);
    const long = start({ tokens: prompt(3, 400), maxTokens: 1 });
    await long.done;
    const pieces = engine.forwards.filter((steps) => steps.some(({ tokens }) => tokens.length > 1)).slice(1);
    expect(pieces.length).toBeGreaterThan(10);
    for (const steps of pieces.slice(1)) expect(steps.some(({ tokens }) => tokens.length === 1)).toBe(true);
    const outputs = pieces.map((steps) => steps.find(({ tokens }) => tokens.length > 1)?.output);
    expect(outputs.filter((output) => output === 'last-logits')).toHaveLength(1);
    running.handle.cancel();
  });

  it('reads short prompts before long ones, and long ones all the same', async () => {
    const { start, log } = setup({ maxBatchTokens: 16 });
    const long = start({ tokens: prompt(1, 300), maxTokens: 1 }, 'long ');
    const shorts = Array.from({ length: 4 }, (_, index) =>
      start({ tokens: prompt(index, 20), maxTokens: 1 }, `short ${index} `),
    );
    await Promise.all(shorts.map(({ done }) => done));
    expect(log).not.toContain('long end');
    // Every other step read a piece of the long prompt.
    expect(log.filter((entry) => entry === 'long progress').length).toBeGreaterThan(3);
    expect(log.indexOf('short 0 end')).toBeLessThan(log.indexOf('short 3 end') - 2);
    await long.done;
  });

  it('sizes prompt pieces so that a step stays within its budget', async () => {
    const sizes: number[] = [];
    const clock = new FakeClock();
    const engine = new FakeEngine({
      maxBatchTokens: 512,
      onForward: (steps) => {
        const tokens = steps.reduce((sum, { input }) => sum + input.length, 0);
        sizes.push(tokens);
        return clock.advance(tokens);
      },
    });
    const scheduler = createScheduler({ engine, createSampler: createGreedySampler, clock }, { stepBudgetMs: 50 });
    await new Promise<void>((resolve) =>
      scheduler.start(request({ tokens: prompt(1, 600), maxTokens: 1 }), {
        emit: (event) => event.type === 'end' && resolve(),
        fail: () => {},
      }),
    );
    expect(Math.max(...sizes)).toBe(48);
  });

  it('frees a cancelled answer before the next step and says no more of it', async () => {
    const { start, engine } = setup();
    const kept = start({ maxTokens: 60 });
    kept.handle.grant(100);
    const cancelled = start({ tokens: [9, 9], maxTokens: 60 });
    await cancelled.until(() => cancelled.tokens().length > 3);
    const forwards = engine.forwards.length;
    cancelled.handle.cancel();
    const events = cancelled.events.length;
    await kept.done;
    expect(cancelled.events).toHaveLength(events);
    expect(engine.forwards.slice(forwards).every((steps) => steps.length === 1)).toBe(true);
    expect(engine.usage().sequences).toBe(0);
  });

  it('does not close a sequence while the engine computes it', async () => {
    const gate = Promise.withResolvers<void>();
    const { start, engine } = setup({ onForward: () => gate.promise });
    const answer = start();
    await turns();
    expect(engine.forwards).toHaveLength(1);
    answer.handle.cancel();
    expect(engine.usage().sequences).toBe(1);
    gate.resolve();
    await turns();
    expect(engine.usage().sequences).toBe(0);
    expect(answer.tokens()).toEqual([]);
  });

  it('stops only the answer whose consumer takes nothing', async () => {
    const { start, engine } = setup({}, { initialCredit: 4 });
    const slow = start({ maxTokens: 30 });
    const fast = start({ tokens: [7], maxTokens: 30 });
    fast.handle.grant(100);
    expect(await fast.done).toBe('length');
    expect(slow.tokens()).toHaveLength(4);
    const forwards = engine.forwards.length;
    await turns();
    expect(engine.forwards).toHaveLength(forwards);
    slow.handle.grant(3);
    await slow.until(() => slow.tokens().length === 7);
    slow.handle.grant(100);
    expect(await slow.done).toBe('length');
  });

  it('gives the place of a consumer that stays away to someone else', async () => {
    const { start, clock } = setup({ maxSequences: 1 }, { initialCredit: 1, creditStallLimitMs: 2_000 });
    const away = start();
    const next = start({ maxTokens: 1 });
    await away.until(() => away.tokens().length === 1);
    for (let count = 0; count < 5; count++) {
      await turns();
      await clock.advance(HEARTBEAT_INTERVAL_MS);
    }
    expect(await away.done).toEqual({ failed: 'consumer_stalled' });
    expect(await next.done).toBe('length');
  });

  it('queues what the cache has no room for and proceeds in order', async () => {
    const { start, scheduler } = setup({ kvTokens: 40 });
    const [first, second, third] = [start({ maxTokens: 20 }), start({ maxTokens: 30 }), start({ maxTokens: 5 })];
    // The third would fit beside the first; it must not overtake the second.
    expect(scheduler.stats()).toMatchObject({ active: 1, queued: 2 });
    expect(second!.events[0]).toEqual({ type: 'progress', state: 'queued', done: 0, total: 1 });
    expect(third!.events[0]).toEqual({ type: 'progress', state: 'queued', done: 1, total: 2 });
    expect(await Promise.all([first!.done, second!.done, third!.done])).toEqual(['length', 'length', 'length']);
    expect(second!.events.findIndex(({ type }) => type === 'token')).toBeGreaterThan(0);
    const end = second!.events.at(-1);
    expect(end?.type === 'end' && end.timing.queuedMs).toBeGreaterThan(0);
  });

  it('refuses beyond the cap of the queue', async () => {
    const { start } = setup({ maxSequences: 1 }, { maxQueued: 2 });
    const accepted = [start(), start(), start()];
    const refused = start();
    expect(await refused.done).toEqual({ failed: 'engine_busy' });
    expect(await Promise.all(accepted.map(({ done }) => done))).toEqual(['length', 'length', 'length']);
  });

  it.each([
    ['context_length_exceeded', { maxTokens: 5_000 }],
    ['invalid_generation', { tokens: [] }],
    ['invalid_generation', { tokens: [64] }],
    ['invalid_generation', { tokens: [1.5] }],
    ['invalid_generation', { maxTokens: 0 }],
  ] as const)('refuses with %s what it could never compute', async (code, over) => {
    const { start, engine } = setup();
    expect(await start(over).done).toEqual({ failed: code });
    expect(engine.forwards).toHaveLength(0);
  });

  it('refuses with kv_cache_full what is larger than the whole cache', async () => {
    expect(await setup({ kvTokens: 12 }).start().done).toEqual({ failed: 'kv_cache_full' });
  });

  it('says that it is alive to those who wait, also when everyone before them is stalled', async () => {
    const { start, clock } = setup({ maxSequences: 1 }, { initialCredit: 1 });
    const stalled = start();
    await stalled.until(() => stalled.tokens().length === 1);
    const waiting = start();
    await turns();
    const before = waiting.events.length;
    await clock.advance(HEARTBEAT_INTERVAL_MS);
    await waiting.until(() => waiting.events.length > before);
    expect(waiting.events.every(({ type }) => type === 'progress')).toBe(true);
  });

  it('keeps no timer when nothing is open', async () => {
    const { start, clock } = setup();
    await start().done;
    await turns();
    expect(clock.sleeping).toBe(0);
  });

  it('fails everything in a step that the engine failed, and reports it', async () => {
    const failures: unknown[] = [];
    let broken = true;
    const { start, engine } = setup(
      {
        onForward: () => {
          if (broken) throw new Error('memory access out of bounds');
        },
      },
      { onEngineFailure: (error) => failures.push(error) },
    );
    const [first, second] = [start(), start({ tokens: [4] })];
    expect(await first!.done).toEqual({ failed: 'engine_failed' });
    expect(await second!.done).toEqual({ failed: 'engine_failed' });
    expect(failures).toHaveLength(1);
    expect(engine.usage().sequences).toBe(0);
    broken = false;
    expect(await start().done).toBe('length');
  });

  it('fails one answer whose sampler throws and no other', async () => {
    const clock = new FakeClock();
    const engine = new FakeEngine();
    let made = 0;
    const scheduler = createScheduler({
      engine,
      clock,
      createSampler: () =>
        ++made === 1
          ? {
              sample: () => {
                throw new Error('no candidate left');
              },
              accept: () => {},
            }
          : createGreedySampler(),
    });
    const outcome = () =>
      new Promise((resolve) =>
        scheduler.start(request(), { emit: (event) => event.type === 'end' && resolve('end'), fail: resolve }),
      );
    const [first, second] = await Promise.all([outcome(), outcome()]);
    expect(first).toBeInstanceOf(Error);
    expect(second).toBe('end');
    expect(engine.usage().sequences).toBe(0);
  });

  it('ends everything when closed and refuses what comes later', async () => {
    const { start, scheduler, engine } = setup({ maxSequences: 1 });
    const [running, waiting] = [start({ maxTokens: 100 }), start()];
    await running!.until(() => running!.tokens().length > 1);
    await scheduler.close();
    expect(await running!.done).toEqual({ failed: 'engine_failed' });
    expect(await waiting!.done).toEqual({ failed: 'engine_failed' });
    expect(await start().done).toEqual({ failed: 'engine_failed' });
    expect(engine.usage().sequences).toBe(0);
  });

  it('leaves nothing behind after a thousand answers opened and cancelled', async () => {
    const { start, scheduler, engine, clock } = setup();
    for (let round = 0; round < 50; round++) {
      const answers = Array.from({ length: 20 }, (_, index) => start({ tokens: prompt(index, 10), maxTokens: 50 }));
      await turns(round % 5);
      for (const { handle } of answers) handle.cancel();
    }
    await turns();
    expect(engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
    expect(scheduler.stats()).toMatchObject({ active: 0, queued: 0 });
    expect(clock.sleeping).toBe(0);
  });

  it('counts tokens and their rate', async () => {
    const { start, scheduler, clock } = setup();
    await start().done;
    await turns();
    expect(scheduler.stats()).toMatchObject({ tokensTotal: 10, prefillTokensTotal: 3 });
    expect(scheduler.stats().tokensPerSecond).toBeCloseTo(200);
    await clock.advance(60_000);
    expect(scheduler.stats().tokensPerSecond).toBe(0);
  });

  describe('lends a share of the time', () => {
    it('and rests between steps so that it computes no longer than that', async () => {
      const { start, clock, engine } = setup({}, { share: 0.25 });
      const startedMs = clock.now();
      const answer = start();
      let ended = false;
      void answer.done.then(() => (ended = true));
      await idleThrough(clock, () => ended);
      const workedMs = 5 * engine.forwards.length;
      expect(workedMs / (clock.now() - startedMs)).toBeLessThanOrEqual(0.3);
      expect(answer.tokens()).toHaveLength(10);
    });

    it('and lets a cancelled answer go at once while it rests', async () => {
      const { start, clock, engine } = setup({}, { share: 0.1 });
      const answer = start();
      await answer.until(() => answer.tokens().length === 1);
      await turns();
      expect(clock.sleeping).toBe(1);
      answer.handle.cancel();
      expect(engine.usage().sequences).toBe(0);
    });

    it('and goes on at once when all of it is lent again, or ends', async () => {
      const { start, clock, scheduler } = setup({}, { share: 0.1 });
      const answer = start();
      await answer.until(() => answer.tokens().length === 1);
      await turns();
      scheduler.setShare(1);
      expect(await answer.done).toBe('length');
      await turns();
      expect(clock.sleeping).toBe(0);
      scheduler.setShare(0.1);
      const other = start();
      await other.until(() => other.tokens().length === 1);
      await turns();
      await scheduler.close();
      expect(clock.sleeping).toBe(0);
    });
  });
});
