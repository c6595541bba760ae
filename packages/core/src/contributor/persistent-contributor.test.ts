import { beforeEach, describe, expect, it } from 'vitest';
import { OpenGatewayError, errorCode, toWire } from '../errors.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { FIRST_RESTART_DELAY_MS, LONGEST_RESTART_DELAY_MS, STEADY_RUN_MS } from './constants.ts';
import { createPersistentContributor } from './persistent-contributor.ts';
import type { CatalogEntry } from '../bootstrap.ts';
import type { Contributor, ContributorSnapshot, StartContributing } from './types.ts';

const entry = { id: 'tiny' } as CatalogEntry;
const lost = new OpenGatewayError('device_lost', 'The GPU was lost.', { retryable: true });

/** A contributor that serves at once unless its next starts are to fail. */
class FakeContributor implements Contributor {
  readonly starts: StartContributing[] = [];
  readonly calls: string[] = [];
  failures: Error[] = [];
  #snapshot = { state: 'idle', sinceMs: 0, error: null } as unknown as ContributorSnapshot;
  readonly #clock: FakeClock;
  readonly #listeners = new Set<(snapshot: ContributorSnapshot) => void>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }
  set(over: Partial<ContributorSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, error: null, sinceMs: this.#clock.now(), ...over };
    for (const listener of this.#listeners) listener(this.#snapshot);
  }
  fail(error: Error): void {
    this.set({ state: 'error', error: toWire(error) });
  }
  snapshot = () => this.#snapshot;
  subscribe(listener: (snapshot: ContributorSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  async start(options: StartContributing): Promise<void> {
    const { state } = this.#snapshot;
    if (state !== 'idle' && state !== 'error') throw new OpenGatewayError('invalid_state', 'busy');
    this.starts.push(options);
    this.set({ state: 'loading', engine: options.engine });
    await settle();
    const failure = this.failures.shift();
    if (failure === undefined) {
      this.set({ state: 'serving' });
    } else {
      this.fail(failure);
      throw failure;
    }
  }
  async pause(): Promise<void> {
    this.calls.push('pause');
    this.set({ state: 'paused' });
  }
  async resume(): Promise<void> {
    this.calls.push('resume');
    this.set({ state: 'serving' });
  }
  setShare(share: number): void {
    this.calls.push(`share ${share}`);
  }
  async stop(): Promise<void> {
    this.set({ state: 'idle' });
  }
  async forget(): Promise<void> {
    await this.stop();
  }
}

let clock: FakeClock;
let inner: FakeContributor;
let contributor: Contributor;
beforeEach(() => {
  clock = new FakeClock();
  inner = new FakeContributor(clock);
  contributor = createPersistentContributor({ contributor: inner, clock, random: () => 0 });
});

const start = (over: Partial<StartContributing> = {}) => contributor.start({ entry, engine: 'webgpu', ...over });
const state = () => contributor.snapshot().state;

describe('persistent contributor', () => {
  it('is back in serving by itself after its engine failed, having said when', async () => {
    await start();
    inner.fail(lost);
    expect(contributor.snapshot()).toMatchObject({
      state: 'error',
      error: { code: 'device_lost' },
      recovery: { restarts: 1, fellBackFrom: null, nextAtMs: clock.now() + FIRST_RESTART_DELAY_MS },
    });
    await clock.advance(FIRST_RESTART_DELAY_MS);
    await settle();
    expect(contributor.snapshot()).toMatchObject({ state: 'serving', error: null, recovery: { nextAtMs: null } });
    expect(inner.starts.map(({ engine }) => engine)).toEqual(['webgpu', 'webgpu']);
    expect(clock.sleeping).toBe(0);
  });

  it('tells its listeners of the wait and of the return', async () => {
    const seen: string[] = [];
    contributor.subscribe((snapshot) =>
      seen.push(`${snapshot.state}${typeof snapshot.recovery?.nextAtMs === 'number' ? ' waiting' : ''}`),
    );
    await start();
    inner.fail(lost);
    await clock.advance(FIRST_RESTART_DELAY_MS);
    await settle();
    expect(seen.filter((line, index) => line !== seen[index - 1])).toEqual([
      'loading',
      'serving',
      'error waiting',
      'loading',
      'serving',
    ]);
  });

  it('falls back to the CPU after quick failures, then stops with a clear error', async () => {
    await start({ canFallBack: true });
    inner.failures = Array.from({ length: 5 }, () => lost);
    inner.fail(lost);
    for (let turn = 0; turn < 8; turn++) {
      await clock.advance(LONGEST_RESTART_DELAY_MS);
      await settle();
    }
    expect(inner.starts.map(({ engine }) => engine)).toEqual(['webgpu', 'webgpu', 'webgpu', 'wasm', 'wasm', 'wasm']);
    expect(contributor.snapshot()).toMatchObject({
      state: 'error',
      error: { code: 'engine_keeps_failing' },
      recovery: { fellBackFrom: 'webgpu' },
    });
    expect(clock.sleeping).toBe(0);
    await start();
    expect(contributor.snapshot()).toMatchObject({ state: 'serving', recovery: null });
  });

  it('does not hold failures far apart against an engine', async () => {
    await start();
    for (let turn = 0; turn < 6; turn++) {
      await clock.advance(STEADY_RUN_MS);
      inner.fail(lost);
      await clock.advance(FIRST_RESTART_DELAY_MS);
      await settle();
      expect(state()).toBe('serving');
    }
  });

  it('leaves the failure of the first start to the caller', async () => {
    inner.failures = [lost];
    expect(await start().catch(errorCode)).toBe('device_lost');
    expect(contributor.snapshot()).toMatchObject({ state: 'error', recovery: null });
    expect(clock.sleeping).toBe(0);
  });

  it('lets the CPU try where the chosen engine cannot start', async () => {
    inner.failures = [new OpenGatewayError('gpu_unavailable', 'none')];
    const started = start({ canFallBack: true });
    await settle();
    await settle();
    await clock.advance(FIRST_RESTART_DELAY_MS);
    await started;
    expect(contributor.snapshot()).toMatchObject({ state: 'serving', recovery: { fellBackFrom: 'webgpu' } });
    inner.fail(lost);
    await clock.advance(FIRST_RESTART_DELAY_MS);
    await settle();
    expect(inner.starts.map(({ engine }) => engine)).toEqual(['webgpu', 'wasm', 'wasm']);
  });

  it('can be stopped while it waits, and then stays stopped', async () => {
    await start();
    inner.fail(lost);
    await contributor.stop();
    expect(clock.sleeping).toBe(0);
    await clock.advance(LONGEST_RESTART_DELAY_MS);
    expect(contributor.snapshot()).toMatchObject({ state: 'idle', recovery: null });
    expect(inner.starts).toHaveLength(1);
  });

  it('starts at once when asked to while it waits', async () => {
    await start();
    inner.fail(lost);
    await start({ engine: 'wasm' });
    expect(state()).toBe('serving');
    await clock.advance(LONGEST_RESTART_DELAY_MS);
    expect(inner.starts).toHaveLength(2);
    inner.fail(lost);
    await clock.advance(FIRST_RESTART_DELAY_MS);
    await settle();
    expect(inner.starts.map(({ engine }) => engine)).toEqual(['webgpu', 'wasm', 'wasm']);
  });

  it('refuses a second start and keeps watching over the first', async () => {
    await start();
    expect(await start().catch(errorCode)).toBe('invalid_state');
    inner.fail(lost);
    await clock.advance(FIRST_RESTART_DELAY_MS);
    await settle();
    expect(state()).toBe('serving');
  });

  it('comes back paused, with the share that was chosen meanwhile', async () => {
    await start({ share: 1 });
    await contributor.pause();
    contributor.setShare(0.5);
    inner.fail(lost);
    await clock.advance(FIRST_RESTART_DELAY_MS);
    await settle();
    expect(state()).toBe('paused');
    expect(inner.starts.at(-1)?.share).toBe(0.5);
    await contributor.resume();
    expect(state()).toBe('serving');
  });
});
