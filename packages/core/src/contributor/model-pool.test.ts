import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../errors.ts';
import { HEARTBEAT_MS } from '../inference/generator.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { CLAIM_MS, FAILED_LOAD_PAUSE_MS, LOAD_PATIENCE_MS, MAX_LOAD_WAITERS, MIN_MEMORY_STAY_MS } from './constants.ts';
import { ModelPool } from './model-pool.ts';
import type { ManifestHash } from '../ids.ts';
import type { LoadingEvent } from './model-pool.ts';

const key = (name: string) => name as ManifestHash;

/** Room for `memory` models of one byte each. */
class Bench {
  readonly clock = new FakeClock();
  readonly calls: string[] = [];
  readonly pool: ModelPool;
  onLoad: (name: string) => Promise<void> = async () => {};

  constructor(memory: number, inMemory: readonly string[], onDisk: readonly string[], staying: readonly string[] = []) {
    this.pool = new ModelPool({ clock: this.clock, onChange: () => {} }, { memoryBytes: memory });
    for (const name of [...inMemory, ...onDisk]) {
      const model = {
        bytes: 1,
        stays: staying.includes(name),
        load: async () => {
          this.calls.push(`load ${name}`);
          await this.onLoad(name);
        },
        unload: async () => void this.calls.push(`unload ${name}`),
      };
      this.pool.add(key(name), model, { isIn: inMemory.includes(name) });
    }
  }

  /** A request: what it was told, and how it leaves. */
  async enter(name: string, signal: AbortSignal = new AbortController().signal) {
    const events: LoadingEvent[] = [];
    const entering = this.pool.enter(key(name), signal);
    for (;;) {
      const next = await entering.next();
      if (next.done === true) return { events, leave: next.value };
      events.push(next.value);
    }
  }

  codeOf(name: string): Promise<string | undefined> {
    return this.enter(name).then(
      () => 'no error',
      (error: unknown) => errorCode(error),
    );
  }

  async use(name: string): Promise<void> {
    const { leave } = await this.enter(name);
    leave();
    await this.clock.advance(1);
  }
}

describe('ModelPool', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench(2, ['a', 'b'], ['c', 'd']);
  });
  const stay = () => bench.clock.advance(MIN_MEMORY_STAY_MS);

  it('says nothing to a request whose model is in memory', async () => {
    expect((await bench.enter('a')).events).toEqual([]);
    expect(bench.calls).toEqual([]);
  });

  it('puts out what was used longest ago for what is asked for', async () => {
    await stay();
    await bench.use('b');
    await bench.use('a');
    expect((await bench.enter('c')).events).toEqual([{ type: 'progress', state: 'queued', done: 0, total: 1 }]);
    expect(bench.calls).toEqual(['unload b', 'load c']);
    expect(['a', 'b', 'c'].map((name) => bench.pool.isIn(key(name)))).toEqual([true, false, true]);
  });

  it('puts out nothing under a running request, and nothing that stays', async () => {
    bench = new Bench(2, ['a', 'b'], ['c'], ['b']);
    await stay();
    const { leave } = await bench.enter('a');
    expect(await bench.codeOf('c')).toBe('engine_busy');
    leave();
    leave();
    expect(await bench.codeOf('c')).toBe('no error');
    expect(bench.calls).toEqual(['unload a', 'load c']);
  });

  it('leaves a model in memory for a while, whoever asks for another', async () => {
    await bench.clock.advance(MIN_MEMORY_STAY_MS - 1);
    expect(await bench.codeOf('c')).toBe('engine_busy');
    expect(await bench.codeOf('a')).toBe('no error');
    expect(bench.calls).toEqual([]);
    await bench.clock.advance(1);
    expect(await bench.codeOf('c')).toBe('no error');
  });

  it('lets a model that is asked for all the time give way to another, as long as that is asked for too', async () => {
    bench = new Bench(1, ['a'], ['b']);
    await stay();
    const first = await bench.enter('a');
    const second = await bench.enter('a');
    expect(await bench.codeOf('b')).toBe('engine_busy');
    first.leave();
    expect(await bench.codeOf('a')).toBe('engine_busy');
    await bench.clock.advance(CLAIM_MS);
    (await bench.enter('a')).leave();
    expect(await bench.codeOf('b')).toBe('engine_busy');
    second.leave();
    expect(await bench.codeOf('b')).toBe('no error');
    expect(bench.calls).toEqual(['unload a', 'load b']);
  });

  it('lets only as many models give way as make room, those used longest ago', async () => {
    await bench.clock.advance(MIN_MEMORY_STAY_MS);
    await bench.use('a');
    const running = await bench.enter('b');
    await bench.clock.advance(1);
    const other = await bench.enter('a');
    expect(await bench.codeOf('c')).toBe('engine_busy');
    expect(await bench.codeOf('a')).toBe('no error');
    expect(await bench.codeOf('b')).toBe('engine_busy');
    running.leave();
    other.leave();
  });

  it('loads once for all who wait, tells them that they do, and turns away those that are too many', async () => {
    await stay();
    const loaded = Promise.withResolvers<void>();
    bench.onLoad = () => loaded.promise;
    const waiting = Array.from({ length: MAX_LOAD_WAITERS }, () => bench.enter('c'));
    await settle();
    expect(bench.pool.waiting(key('c'))).toBe(MAX_LOAD_WAITERS);
    expect(await bench.codeOf('c')).toBe('engine_busy');
    await bench.clock.advance(2 * HEARTBEAT_MS);
    loaded.resolve();
    const entered = await Promise.all(waiting);
    for (const { events } of entered) {
      expect(events).toHaveLength(3);
      expect(events.at(-1)).toEqual({ type: 'progress', state: 'queued', done: 0, total: MAX_LOAD_WAITERS });
    }
    expect(bench.calls).toEqual(['unload a', 'load c']);
    expect(bench.pool.waiting(key('c'))).toBe(0);
    expect(bench.clock.sleeping).toBe(0);
  });

  it('loads one model at a time', async () => {
    bench = new Bench(4, [], ['a', 'b']);
    const loaded = Promise.withResolvers<void>();
    bench.onLoad = () => loaded.promise;
    const first = bench.enter('a');
    await settle();
    expect(await bench.codeOf('b')).toBe('engine_busy');
    loaded.resolve();
    await first;
    expect(await bench.codeOf('b')).toBe('no error');
  });

  it('sends away who waited too long, and has the model ready when they come again', async () => {
    await stay();
    const loaded = Promise.withResolvers<void>();
    bench.onLoad = () => loaded.promise;
    const code = bench.codeOf('c');
    await settle();
    await bench.clock.advance(LOAD_PATIENCE_MS);
    expect(await code).toBe('engine_busy');
    loaded.resolve();
    await bench.pool.settled();
    expect((await bench.enter('c')).events).toEqual([]);
  });

  it('frees a request that gives up while it waits', async () => {
    await stay();
    const loaded = Promise.withResolvers<void>();
    bench.onLoad = () => loaded.promise;
    const abort = new AbortController();
    const entering = bench.enter('c', abort.signal);
    await settle();
    abort.abort(new Error('gone'));
    await expect(entering).rejects.toThrow('gone');
    expect(bench.pool.waiting(key('c'))).toBe(0);
    loaded.resolve();
    await bench.pool.settled();
    expect(bench.pool.isIn(key('c'))).toBe(true);
  });

  it('tells who waited that a model could not be loaded, and does not offer it for a while', async () => {
    await stay();
    bench.onLoad = async () => {
      throw new Error('no memory');
    };
    const entering = bench.enter('c');
    await expect(entering).rejects.toMatchObject({
      code: 'model_not_served',
      retryable: true,
      message: expect.stringContaining('no memory') as string,
    });
    expect(bench.pool.isOffered(key('c'))).toBe(false);
    bench.onLoad = async () => {};
    expect(await bench.codeOf('c')).toBe('model_not_served');
    await bench.clock.advance(FAILED_LOAD_PAUSE_MS);
    expect(bench.pool.isOffered(key('c'))).toBe(true);
    expect(await bench.codeOf('c')).toBe('no error');
  });

  it('takes a model whose engine broke out of memory', async () => {
    bench.pool.lose(key('a'), new Error('lost'));
    expect(bench.pool.isIn(key('a'))).toBe(false);
    expect(await bench.codeOf('a')).toBe('model_not_served');
    expect(() => bench.pool.hold(key('a'))).toThrow(expect.objectContaining({ code: 'model_not_served' }));
    expect(await bench.codeOf('none-such')).toBe('model_not_served');
  });

  it('gives a model that needs more than the default all of the memory, where none was pledged', async () => {
    const pool = new ModelPool({ clock: bench.clock, onChange: () => {} }, { memoryBytes: undefined });
    expect(pool.roomBytes()).toBe(Infinity);
    const calls: string[] = [];
    const model = (name: string, bytes: number) => ({
      bytes,
      stays: false,
      load: async () => void calls.push(`load ${name}`),
      unload: async () => void calls.push(`unload ${name}`),
    });
    pool.add(key('small'), model('small', 1), { isIn: true });
    pool.add(key('large'), model('large', 2 ** 40), { isIn: false });
    await stay();
    for await (const _ of pool.enter(key('large'), new AbortController().signal));
    expect(calls).toEqual(['unload small', 'load large']);
  });

  it('never holds more than its bound, and never puts out what is used', async () => {
    const step = fc.record({
      model: fc.constantFrom('a', 'b', 'c', 'd'),
      leaves: fc.boolean(),
      waitMs: fc.constantFrom(0, HEARTBEAT_MS, MIN_MEMORY_STAY_MS),
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 30 }), async (memory, steps) => {
        const tried = new Bench(memory, [], ['a', 'b', 'c', 'd']);
        const running: { name: string; leave: () => void }[] = [];
        for (const { model, leaves, waitMs } of steps) {
          await tried.clock.advance(waitMs);
          if (leaves) running.shift()?.leave();
          const before = tried.calls.length;
          await tried.enter(model).then(
            ({ leave }) => running.push({ name: model, leave }),
            (error: unknown) => expect(errorCode(error)).toBe('engine_busy'),
          );
          const inMemory = ['a', 'b', 'c', 'd'].filter((name) => tried.pool.isIn(key(name)));
          expect(inMemory.length).toBeLessThanOrEqual(memory);
          for (const { name } of running) expect(inMemory).toContain(name);
          for (const call of tried.calls.slice(before)) {
            if (call.startsWith('unload')) expect(running.map(({ name }) => name)).not.toContain(call.slice(7));
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});
