import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '@opengateway/core/testing';
import { signal } from '@preact/signals';
import { RATE_SAMPLES } from '../constants.ts';
import { FakeChannels, FakeLocks, MemoryStorage } from './browser.fixture.ts';
import { createContributeState } from './contribute-state.ts';
import { activeHolds, obeyHolds } from './holds.ts';
import { createLoadMark } from './load-mark.ts';
import { FakeSiteNode, catalogEntry } from './site-node.fixture.ts';
import { createTabLeadership } from './tab-leadership.ts';
import type { Hours } from './hours.ts';
import type { Lent } from './rejoin.ts';

/** What another tab finds in a storage, which it leaves as it is. */
class Copy extends MemoryStorage {
  constructor(storage: MemoryStorage) {
    super();
    const text = storage.getItem('opengateway-load');
    if (text !== null) this.setItem('opengateway-load', text);
  }
}

const choice = { entry: catalogEntry, engine: 'wasm' as const };

/** One browser; every `setup` with it is a tab. */
const browser = () => ({ locks: new FakeLocks(), channels: new FakeChannels(), storage: new MemoryStorage() });

function setup({ locks, channels, storage } = browser()) {
  const clock = new FakeClock(1_795_000_000_000);
  const node = new FakeSiteNode();
  const joining = { fail: false };
  const channel = channels.open();
  const lent: (Lent | null)[] = [];
  const asked: string[] = [];
  const mark = createLoadMark(storage);
  const contribute = createContributeState({
    node: {
      join: async () => {
        if (joining.fail) throw new Error('not joined');
        return node;
      },
    },
    now: () => clock.now(),
    storage,
    leadership: createTabLeadership({ locks, channel }),
    plan: async ({ entry, engine = 'wasm' }) => ({
      entry,
      engine,
      threads: 1,
      kvBudgetBytes: 1,
      layersBy: 'whole',
      tiers: ['starter'],
      others: [],
      reason: `${engine}: as asked for.`,
      reductions: [],
    }),
    mark,
    memory: { remember: (next) => void lent.push(next) },
    askPersistence: async () => void asked.push('persist'),
  });
  return { clock, node, joining, contribute, contributor: node.contributor, channel, lent, asked, mark, storage };
}

/** A few turns: what one tab posts or lets go of reaches the others. */
const turns = async () => {
  for (let turn = 0; turn < 5; turn++) await settle();
};

describe('contribute state', () => {
  it('is probing from the press on, and serving in the end', async () => {
    const { contribute } = setup();
    const started = contribute.start(choice);
    expect(contribute.snapshot.value.state).toBe('probing');
    await started;
    expect(contribute.snapshot.value.state).toBe('serving');
    expect(Object.keys(contribute.times.value.entered)).toEqual(['probing', 'serving']);
  });

  it('times a move to other layers from its own beginning', async () => {
    const { contribute, contributor, clock } = setup();
    await contribute.start(choice);
    await clock.advance(60_000);
    contributor.set({ state: 'loading', sinceMs: clock.now(), layers: { start: 10, end: 20 } });
    expect(contribute.times.value.entered).toEqual({ loading: clock.now() });
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
    const tabs = browser();
    const first = setup(tabs);
    const second = setup(tabs);
    await first.contribute.start(choice);
    await second.contribute.start(choice);
    expect(second.contribute.snapshot.value.error?.code).toBe('another_tab_lends');
    await first.contribute.stop();
    await settle();
    await second.contribute.start(choice);
    expect(second.contribute.snapshot.value.state).toBe('serving');
  });

  it('gives way when another tab takes over', async () => {
    const tabs = browser();
    const first = setup(tabs);
    const second = setup(tabs);
    await first.contribute.start(choice);
    await second.contribute.start({ ...choice, when: 'take-over' });
    await turns();
    expect(first.contribute.elsewhere.value).toMatchObject({ state: 'serving' });
    expect(first.lent.at(-1)).toBeNull();
    expect(first.contributor.calls).toContain('stop');
    expect(first.contribute.snapshot.value.error?.code).toBe('another_tab_lends');
    expect(second.contribute.snapshot.value.state).toBe('serving');
  });

  it('counts what was given today, over reloads and runs', async () => {
    const storage = new MemoryStorage();
    const before = setup({ ...browser(), storage });
    await before.contribute.start(choice);
    before.contributor.set({ tokensServed: 100, requestsServed: 2 });
    before.contributor.set({ tokensServed: 130, requestsServed: 3 });
    const after = setup({ ...browser(), storage });
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

  it('shows live what another tab does, until that ends', async () => {
    const tabs = browser();
    const first = setup(tabs);
    const early = setup(tabs);
    await first.contribute.start(choice);
    await turns();
    expect(early.contribute.elsewhere.value).toMatchObject({ state: 'serving', model: catalogEntry });
    first.contributor.set({ requestsNow: 1, tokensPerSecond: 60 });
    const late = setup(tabs);
    await turns();
    for (const tab of [early, late]) {
      expect(tab.contribute.elsewhere.value).toMatchObject({ requestsNow: 1, tokensPerSecond: 60 });
      expect(tab.contribute.snapshot.value.state).toBe('idle');
    }
    expect(first.contribute.elsewhere.value).toBeNull();
    await first.contribute.stop();
    await turns();
    expect([early.contribute.elsewhere.value, late.contribute.elsewhere.value]).toEqual([null, null]);
  });

  it('takes over by itself when the tab it waits for is closed without a word', async () => {
    const tabs = browser();
    const first = setup(tabs);
    const second = setup(tabs);
    await first.contribute.start(choice);
    await turns();
    const started = second.contribute.start({ ...choice, when: 'wait' });
    await turns();
    expect(second.contribute.waiting.value).toBe(true);
    expect(second.contribute.snapshot.value.state).toBe('idle');
    // A closed tab says nothing: its channel is gone, its lock is let go.
    first.channel.close();
    await first.contribute.stop();
    await started;
    expect(second.contribute.snapshot.value.state).toBe('serving');
    expect([second.contribute.waiting.value, second.contribute.elsewhere.value]).toEqual([false, null]);
  });

  it('waits no more when told so', async () => {
    const tabs = browser();
    const first = setup(tabs);
    const second = setup(tabs);
    await first.contribute.start(choice);
    const started = second.contribute.start({ ...choice, when: 'wait' });
    await turns();
    await second.contribute.stop();
    await started;
    await first.contribute.stop();
    await turns();
    expect(second.contribute.snapshot.value.state).toBe('idle');
    expect(second.contributor.calls).toEqual([]);
  });

  it('starts at once where there is nobody to wait for', async () => {
    const { contribute } = setup();
    await contribute.start({ ...choice, when: 'wait' });
    expect(contribute.snapshot.value.state).toBe('serving');
  });

  it('keeps its place while it starts again, and gives it back when it gives up', async () => {
    const tabs = browser();
    const first = setup(tabs);
    const second = setup(tabs);
    await first.contribute.start(choice);
    const failure = { name: 'E', code: 'device_lost', message: 'lost', retryable: true };
    const recovery = { restarts: 1, failure, fellBackFrom: null, nextAtMs: 1 };
    first.contributor.set({ state: 'error', error: failure, recovery });
    await turns();
    expect(second.contribute.elsewhere.value).toMatchObject({ state: 'error', recovery });
    await second.contribute.start(choice);
    expect(second.contribute.snapshot.value.error?.code).toBe('another_tab_lends');
    first.contributor.set({ state: 'error', error: failure, recovery: { ...recovery, nextAtMs: null } });
    await turns();
    expect(first.lent.at(-1)).toBeNull();
    await second.contribute.start(choice);
    expect(second.contribute.snapshot.value.state).toBe('serving');
  });

  it('remembers what it lends until it is stopped', async () => {
    const { contribute, lent } = setup();
    await contribute.start({ ...choice, threads: 2 });
    expect(lent).toEqual([{ model: 'tiny', engine: 'wasm', threads: 2 }]);
    await contribute.stop();
    expect(lent.at(-1)).toBeNull();
  });

  it('asks the browser to keep the weights when it starts, and remembers what was wished', async () => {
    const { contribute, asked } = setup();
    expect(contribute.choice.value).toBeNull();
    await contribute.start(choice);
    expect(asked).toEqual(['persist']);
    expect(contribute.choice.value).toEqual({ ...choice, when: 'now' });
    await contribute.stop();
    expect(contribute.choice.value).toBeNull();
  });

  it('marks a load for as long as it takes', async () => {
    const { contribute, contributor, storage } = setup();
    const seen: number[] = [];
    const look = () => seen.push(createLoadMark(new Copy(storage)).deaths());
    contributor.onStart = async () => {
      contributor.set({ state: 'loading' });
      look();
      contributor.set({ state: 'self-test' });
      look();
      contributor.set({ state: 'serving' });
      look();
    };
    await contribute.start(choice);
    expect(seen).toEqual([1, 1, 0]);
  });
});

const settings = () => ({
  pauseOnBattery: signal(true),
  pauseWhenBusy: signal(false),
  hours: signal<Hours | null>(null),
});

describe('holds', () => {
  it('pause while a limit holds and resume only what they paused', async () => {
    const { contribute, contributor } = setup();
    const onBattery = signal<boolean | null>(false);
    const holds = activeHolds({ settings: settings(), onBattery, busy: signal(null), minutes: signal(0) });
    obeyHolds({ contribute, holds });
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

  it('hold by the person’s own choice, each for its reason', () => {
    const wanted = settings();
    const onBattery = signal<boolean | null>(true);
    const busy = signal<boolean | null>(true);
    const minutes = signal(12 * 60);
    const holds = activeHolds({ settings: wanted, onBattery, busy, minutes });
    expect(holds.value).toEqual(['battery']);
    wanted.pauseOnBattery.value = false;
    wanted.pauseWhenBusy.value = true;
    wanted.hours.value = { from: 22 * 60, to: 7 * 60 };
    expect(holds.value).toEqual(['busy', 'hours']);
    minutes.value = 23 * 60;
    busy.value = null;
    expect(holds.value).toEqual([]);
  });
});
