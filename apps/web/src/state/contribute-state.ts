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
});

export function createContributeState(components: {
  node: NodeState;
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
  let release: (() => void) | null = null;

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
    new Promise((resolve, reject) => {
      locks
        .request(CONTRIBUTOR_LOCK, takeOver ? { steal: true } : { ifAvailable: true }, (lock) => {
          resolve(lock !== null);
          return lock === null ? undefined : new Promise<void>((end) => (release = end));
        })
        .catch(() => {
          // The lock was stolen: another tab lends from here on.
          release = null;
          if (watched) void watched.contributor.stop().then(() => fail(new AnotherTabLendsError()), reject);
        });
    });
  const letGo = () => {
    release?.();
    release = null;
  };

  return {
    snapshot: computed(() => snapshot.value),
    times: computed(() => times.value),
    rates: computed(() => rates.value),
    given: computed(() => given.value),
    async start({ entry, engine, takeOver = false }) {
      batch(() => {
        times.value = { ...NO_TIMES, joinStartMs: now() };
        rates.value = [];
        take({ ...idleSnapshot(now()), state: 'probing', model: entry, engine });
      });
      try {
        if (release === null && !(await acquire(takeOver))) throw new AnotherTabLendsError();
        const joined = await node.join();
        times.value = { ...times.value, entered: { probing: now() }, joinedMs: now() };
        watch(joined);
        await joined.contributor.start({ entry, engine });
      } catch (error) {
        letGo();
        if (snapshot.value.state !== 'error') fail(error);
      }
    },
    pause: async () => watched?.contributor.pause(),
    resume: async () => watched?.contributor.resume(),
    async stop() {
      await watched?.contributor.stop();
      letGo();
      batch(() => {
        take(watched?.contributor.snapshot() ?? idleSnapshot(now()));
        times.value = NO_TIMES;
      });
    },
    async forget() {
      const joined = watched ?? (await node.join());
      watch(joined);
      await joined.contributor.forget();
      letGo();
      times.value = NO_TIMES;
    },
    sample() {
      if (snapshot.value.state !== 'serving') return;
      rates.value = [...rates.value, snapshot.value.tokensPerSecond].slice(-RATE_SAMPLES);
    },
  };
}
