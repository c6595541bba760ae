import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '@opengateway/core/testing';
import { signal } from '@preact/signals';
import { RATE_SAMPLES } from '../constants.ts';
import { guardBattery } from './battery-guard.ts';
import { createContributeState } from './contribute-state.ts';
import { FakeSiteNode, catalogEntry } from './site-node.fixture.ts';

/** One browser's locks: a name is held until its holder ends or another steals it. */
class FakeLocks {
  #held: { reject: (error: unknown) => void } | null = null;

  readonly request = (async (_name: string, options: LockOptions, callback: (lock: object | null) => unknown) => {
    if (this.#held && !options.steal) return callback(null);
    this.#held?.reject(new DOMException('stolen', 'AbortError'));
    const stolen = Promise.withResolvers<never>();
    this.#held = stolen;
    try {
      return await Promise.race([callback({}), stolen.promise]);
    } finally {
      if (this.#held === stolen) this.#held = null;
    }
  }) as unknown as LockManager['request'];
}

class MemoryStorage {
  readonly #items = new Map<string, string>();
  getItem = (key: string): string | null => this.#items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.#items.set(key, value);
}

const choice = { entry: catalogEntry, engine: 'wasm' as const };

function setup(locks = new FakeLocks(), storage = new MemoryStorage()) {
  const clock = new FakeClock(1_795_000_000_000);
  const node = new FakeSiteNode();
  const joining = { fail: false };
  const contribute = createContributeState({
    node: {
      join: async () => {
        if (joining.fail) throw new Error('not joined');
        return node;
      },
    },
    now: () => clock.now(),
    storage,
    locks,
  });
  return { clock, node, joining, contribute, contributor: node.contributor, locks, storage };
}

describe('contribute state', () => {
  it('is probing from the press on, and serving in the end', async () => {
    const { contribute } = setup();
    const started = contribute.start(choice);
    expect(contribute.snapshot.value.state).toBe('probing');
    await started;
    expect(contribute.snapshot.value.state).toBe('serving');
    expect(Object.keys(contribute.times.value.entered)).toEqual(['probing', 'serving']);
  });

  it('shows a failure to join as an error, and lets another try succeed', async () => {
    const { contribute, joining } = setup();
    joining.fail = true;
    await contribute.start(choice);
    expect(contribute.snapshot.value).toMatchObject({ state: 'error', error: { message: 'not joined' } });
    joining.fail = false;
    await contribute.start(choice);
    expect(contribute.snapshot.value.state).toBe('serving');
  });

  it('keeps the error of the contributor itself', async () => {
    const { contribute, contributor } = setup();
    contributor.onStart = async () => {
      contributor.set({
        state: 'error',
        error: { name: 'E', code: 'source_unavailable', message: 'gone', retryable: true },
      });
      throw new Error('gone');
    };
    await contribute.start(choice);
    expect(contribute.snapshot.value.error?.code).toBe('source_unavailable');
  });

  it('can be stopped while it joins or loads, without an error', async () => {
    const { contribute, contributor } = setup();
    const joining = contribute.start(choice);
    await contribute.stop();
    await joining;
    expect([contribute.snapshot.value.state, contributor.calls]).toEqual(['idle', []]);
    const loading = Promise.withResolvers<void>();
    contributor.onStart = () => loading.promise;
    const started = contribute.start(choice);
    await settle();
    await contribute.stop();
    loading.reject(new Error('stopped before it began'));
    await started;
    expect(contribute.snapshot.value).toMatchObject({ state: 'idle', error: null });
  });

  it('leaves lending to the tab that does it already', async () => {
    const locks = new FakeLocks();
    const first = setup(locks);
    const second = setup(locks);
    await first.contribute.start(choice);
    await second.contribute.start(choice);
    expect(second.contribute.snapshot.value.error?.code).toBe('another_tab_lends');
    await first.contribute.stop();
    await settle();
    await second.contribute.start(choice);
    expect(second.contribute.snapshot.value.state).toBe('serving');
  });

  it('gives way when another tab takes over', async () => {
    const locks = new FakeLocks();
    const first = setup(locks);
    const second = setup(locks);
    await first.contribute.start(choice);
    await second.contribute.start({ ...choice, takeOver: true });
    await settle();
    expect(first.contributor.calls).toContain('stop');
    expect(first.contribute.snapshot.value.error?.code).toBe('another_tab_lends');
    expect(second.contribute.snapshot.value.state).toBe('serving');
  });

  it('counts what was given today, over reloads and runs', async () => {
    const storage = new MemoryStorage();
    const before = setup(new FakeLocks(), storage);
    await before.contribute.start(choice);
    before.contributor.set({ tokensServed: 100, requestsServed: 2 });
    before.contributor.set({ tokensServed: 130, requestsServed: 3 });
    const after = setup(new FakeLocks(), storage);
    await after.contribute.start(choice);
    after.contributor.set({ tokensServed: 5, requestsServed: 1 });
    expect(after.contribute.given.value).toMatchObject({ tokens: 135, requests: 4 });
    await after.clock.advance(24 * 3_600_000);
    after.contributor.set({ tokensServed: 7, requestsServed: 2 });
    expect(after.contribute.given.value).toMatchObject({ tokens: 2, requests: 1 });
  });

  it('samples the rate while serving, within bounds', async () => {
    const { contribute, contributor } = setup();
    contribute.sample();
    expect(contribute.rates.value).toEqual([]);
    await contribute.start(choice);
    contributor.set({ tokensPerSecond: 70 });
    for (let index = 0; index < RATE_SAMPLES + 3; index += 1) contribute.sample();
    expect(contribute.rates.value).toHaveLength(RATE_SAMPLES);
  });

  it('forgets without having served', async () => {
    const { contribute, contributor } = setup();
    await contribute.forget();
    expect(contributor.calls).toEqual(['forget']);
  });
});

describe('battery guard', () => {
  it('pauses on battery and resumes only what it paused', async () => {
    const { contribute, contributor } = setup();
    const onBattery = signal<boolean | null>(false);
    const wanted = signal(true);
    guardBattery({ contribute, onBattery, wanted });
    await contribute.start(choice);
    onBattery.value = true;
    expect(contribute.snapshot.value.state).toBe('paused');
    onBattery.value = false;
    expect(contribute.snapshot.value.state).toBe('serving');
    await contribute.pause();
    onBattery.value = true;
    onBattery.value = false;
    expect(contribute.snapshot.value.state).toBe('paused');
    expect(contributor.calls).toEqual(['start', 'pause', 'resume', 'pause']);
  });

  it('lets be where the person does not want it', async () => {
    const { contribute } = setup();
    guardBattery({ contribute, onBattery: signal<boolean | null>(true), wanted: signal(false) });
    await contribute.start(choice);
    expect(contribute.snapshot.value.state).toBe('serving');
  });
});
