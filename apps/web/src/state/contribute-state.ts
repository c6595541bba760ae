import { batch, computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { toWire } from '@opengateway/core';
import type { CatalogEntry, ContributorSnapshot, EngineKind } from '@opengateway/core';
import { CONTRIBUTOR_LOCK, RATE_SAMPLES } from '../constants.ts';
import { AnotherTabLendsError } from './errors.ts';
import { addGrowth, dayOf, readGiven, writeGiven } from './given.ts';
import type { RunTimes } from './contribute-steps.ts';
import type { Given } from './given.ts';
import type { NodeState } from './node-state.ts';
import type { SiteNode } from '../node/types.ts';

/** Lending this device, as the page sees it. */
export interface ContributeState {
  readonly snapshot: ReadonlySignal<ContributorSnapshot>;
  readonly times: ReadonlySignal<RunTimes>;
  /** Tokens/s, one sample every `RATE_SAMPLE_INTERVAL_MS`, oldest first. */
  readonly rates: ReadonlySignal<readonly number[]>;
  readonly given: ReadonlySignal<Given>;
  /** Never rejects: a failure is the snapshot's `error`. */
  start(choice: { entry: CatalogEntry; engine: EngineKind; takeOver?: boolean }): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
  forget(): Promise<void>;
  /** Takes one sample of tokens/s; called by the page's clock. */
  sample(): void;
}

const NO_TIMES: RunTimes = { entered: {}, joinStartMs: null, joinedMs: null, weights: null };

const idleSnapshot = (sinceMs: number): ContributorSnapshot => ({
  state: 'idle',
  sinceMs,
  model: null,
  engine: null,
  layers: null,
  variant: null,
  loading: null,
  error: null,
  decodeTokensPerSecond: 0,
  prefillTokensPerSecond: 0,
  requestsNow: 0,
  requestsQueued: 0,
  requestsServed: 0,
  tokensServed: 0,
  tokensPerSecond: 0,
  lastRequestMs: null,
  storedBytes: 0,
  relayConnected: false,
  recovery: null,
});

export function createContributeState(components: {
  node: Pick<NodeState, 'join'>;
  now: () => number;
  storage: Pick<Storage, 'getItem' | 'setItem'>;
  locks: Pick<LockManager, 'request'>;
}): ContributeState {
  const { node, now, storage, locks } = components;
  const snapshot = signal(idleSnapshot(now()));
  const times = signal<RunTimes>(NO_TIMES);
  const rates = signal<readonly number[]>([]);
  const given = signal(readGiven(storage, dayOf(now())));
  let watched: SiteNode | null = null;
  /** Grows with every start and stop: a start that is overtaken ends without a word. */
  let run = 0;
  let held: { release: () => void; ended: Promise<void> } | null = null;

  const take = (next: ContributorSnapshot) => {
    const before = snapshot.value;
    batch(() => {
      snapshot.value = next;
      if (next.state !== before.state) {
        times.value = { ...times.value, entered: { ...times.value.entered, [next.state]: next.sinceMs } };
      }
      if (next.loading !== null) times.value = { ...times.value, weights: next.loading };
      if (next.tokensServed !== before.tokensServed || next.requestsServed !== before.requestsServed) {
        given.value = addGrowth(given.value, dayOf(now()), before, next);
        writeGiven(storage, given.value);
      }
    });
  };
  const watch = (joined: SiteNode) => {
    if (watched === joined) return;
    watched = joined;
    joined.contributor.subscribe(take);
  };
  const fail = (error: unknown) =>
    take({ ...snapshot.value, state: 'error', sinceMs: now(), error: toWire(error), loading: null });

  /** Holds the browser's one place for lending; ends the run if another tab takes it over. */
  const acquire = (takeOver: boolean): Promise<boolean> =>
    new Promise((resolve) => {
      const place = Promise.withResolvers<void>();
      const hold = (lock: Lock | null) => {
        resolve(lock !== null);
        return lock === null ? undefined : place.promise;
      };
      const ended = locks.request(CONTRIBUTOR_LOCK, takeOver ? { steal: true } : { ifAvailable: true }, hold).then(
        () => undefined,
        () => giveWay(),
      );
      held = { release: place.resolve, ended };
    });
  /** The lock was stolen: another tab lends from here on. */
  const giveWay = async () => {
    held = null;
    await watched?.contributor.stop();
    fail(new AnotherTabLendsError());
  };
  const letGo = async () => {
    const place = held;
    held = null;
    place?.release();
    // Until the browser has it back, a new start would find the place taken.
    await place?.ended;
  };

  return {
    snapshot: computed(() => snapshot.value),
    times: computed(() => times.value),
    rates: computed(() => rates.value),
    given: computed(() => given.value),
    async start({ entry, engine, takeOver = false }) {
      const mine = (run += 1);
      batch(() => {
        times.value = { ...NO_TIMES, joinStartMs: now() };
        rates.value = [];
        take({ ...idleSnapshot(now()), state: 'probing', model: entry, engine });
      });
      try {
        if (held === null && !(await acquire(takeOver))) throw new AnotherTabLendsError();
        const joined = await node.join();
        if (mine !== run) return;
        times.value = { ...times.value, entered: { probing: now() }, joinedMs: now() };
        watch(joined);
        await joined.contributor.start({ entry, engine });
      } catch (error) {
        if (mine !== run) return;
        await letGo();
        if (snapshot.value.state !== 'error') fail(error);
      }
    },
    pause: async () => watched?.contributor.pause(),
    resume: async () => watched?.contributor.resume(),
    async stop() {
      run += 1;
      await watched?.contributor.stop();
      await letGo();
      batch(() => {
        take(watched?.contributor.snapshot() ?? idleSnapshot(now()));
        times.value = NO_TIMES;
      });
    },
    async forget() {
      run += 1;
      const joined = watched ?? (await node.join());
      watch(joined);
      await joined.contributor.forget();
      await letGo();
      times.value = NO_TIMES;
    },
    sample() {
      if (snapshot.value.state !== 'serving') return;
      rates.value = [...rates.value, snapshot.value.tokensPerSecond].slice(-RATE_SAMPLES);
    },
  };
}
