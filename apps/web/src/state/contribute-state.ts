import { batch, computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { IDLE, toWire } from '@opengateway/core';
import type { ContributorSnapshot } from '@opengateway/core';
import { RATE_SAMPLES } from '../constants.ts';
import { AnotherTabLendsError } from './errors.ts';
import { addGrowth, dayOf, readGiven, writeGiven } from './given.ts';
import { isOn } from './is-on.ts';
import type { RunTimes } from './contribute-steps.ts';
import type { Given } from './given.ts';
import type { LendingPlan, LendingWish } from './lending-plan.ts';
import type { LoadMark } from './load-mark.ts';
import type { NodeState } from './node-state.ts';
import type { RejoinMemory } from './rejoin.ts';
import type { TabLeadership } from './tab-leadership.ts';
import type { SiteNode } from '../node/types.ts';

export interface LendingChoice extends LendingWish {
  /** What to do where another tab lends: fail, take it over, or wait until it ends. @default now */
  readonly when?: 'now' | 'take-over' | 'wait';
}

/** Lending this device, as the page sees it. */
export interface ContributeState {
  readonly snapshot: ReadonlySignal<ContributorSnapshot>;
  /** What another tab of this browser that lends is doing; null where none does. */
  readonly elsewhere: ReadonlySignal<ContributorSnapshot | null>;
  /** This tab takes over by itself when the other one ends. */
  readonly waiting: ReadonlySignal<boolean>;
  /** What was asked for at the last start; null before and once it was stopped. */
  readonly choice: ReadonlySignal<LendingChoice | null>;
  /** How it was started; null before. */
  readonly plan: ReadonlySignal<LendingPlan | null>;
  readonly times: ReadonlySignal<RunTimes>;
  /** Tokens/s, one sample every `RATE_SAMPLE_INTERVAL_MS`, oldest first. */
  readonly rates: ReadonlySignal<readonly number[]>;
  readonly given: ReadonlySignal<Given>;
  /** Resolves when it serves or has failed, which is the snapshot's `error`; never rejects. */
  start(choice: LendingChoice): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Also ends a wait for another tab. */
  stop(): Promise<void>;
  forget(): Promise<void>;
  setShare(share: number): void;
  /** Takes one sample of tokens/s; called by the page's clock. */
  sample(): void;
}

const NO_TIMES: RunTimes = { entered: {}, joinStartMs: null, joinedMs: null, weights: null };

const idleSnapshot = (sinceMs: number): ContributorSnapshot => ({ ...IDLE, sinceMs, relayConnected: false });

export interface ContributeComponents {
  readonly node: Pick<NodeState, 'join'>;
  readonly leadership: TabLeadership;
  /** Decides how a device is lent; may measure it first. */
  readonly plan: (wish: LendingWish) => Promise<LendingPlan>;
  readonly mark: LoadMark;
  readonly memory: Pick<RejoinMemory, 'remember'>;
  /** Asks the browser to keep what is stored. */
  readonly askPersistence: () => Promise<void>;
  readonly now: () => number;
  readonly storage: Pick<Storage, 'getItem' | 'setItem'>;
}

export function createContributeState(components: ContributeComponents): ContributeState {
  const { node, leadership, mark, memory, now, storage } = components;
  const snapshot = signal(idleSnapshot(now()));
  const waiting = signal(false);
  const choice = signal<LendingChoice | null>(null);
  const plan = signal<LendingPlan | null>(null);
  const times = signal<RunTimes>(NO_TIMES);
  const rates = signal<readonly number[]>([]);
  const given = signal(readGiven(storage, dayOf(now())));
  let watched: SiteNode | null = null;
  let endWatch: (() => void) | null = null;
  /** Grows with every start and stop: a start that is overtaken ends without a word. */
  let run = 0;
  let wait = new AbortController();

  const take = (next: ContributorSnapshot) => {
    const before = snapshot.value;
    batch(() => {
      snapshot.value = next;
      if (next.state !== before.state) {
        // A move to other layers begins with the weights; the times of what comes after it are to come.
        const entered = before.state === 'serving' && next.state === 'loading' ? {} : times.value.entered;
        times.value = { ...times.value, entered: { ...entered, [next.state]: next.sinceMs } };
        if (next.state === 'loading' || next.state === 'self-test') mark.begin();
        else mark.end();
      }
      if (next.loading !== null) times.value = { ...times.value, weights: next.loading };
      if (next.tokensServed !== before.tokensServed || next.requestsServed !== before.requestsServed) {
        given.value = addGrowth(given.value, dayOf(now()), before, next);
        writeGiven(storage, given.value);
      }
    });
    leadership.tell(next);
  };
  /** What the contributor says by itself, also long after its start. */
  const follow = (next: ContributorSnapshot) => {
    // A run that begins anew has its own times.
    if (next.state === 'probing' && snapshot.value.state === 'error') times.value = { ...times.value, entered: {} };
    take(next);
    if (next.state === 'error' && !isOn(next)) {
      memory.remember(null);
      void leadership.release();
    }
  };
  const watch = (joined: SiteNode) => {
    if (watched === joined) return;
    endWatch?.();
    watched = joined;
    endWatch = joined.contributor.subscribe(follow);
  };
  const fail = (error: unknown) =>
    take({ ...snapshot.value, state: 'error', sinceMs: now(), error: toWire(error), loading: null });

  leadership.onTakenOver(() => {
    run += 1;
    memory.remember(null);
    void (async () => {
      await watched?.contributor.stop();
      fail(new AnotherTabLendsError());
    })();
  });

  const awaitPlace = async (): Promise<boolean> => {
    wait = new AbortController();
    waiting.value = true;
    const granted = await leadership.acquire('wait', { signal: wait.signal });
    waiting.value = false;
    return granted;
  };

  return {
    snapshot: computed(() => snapshot.value),
    elsewhere: leadership.elsewhere,
    waiting: computed(() => waiting.value),
    choice: computed(() => choice.value),
    plan: computed(() => plan.value),
    times: computed(() => times.value),
    rates: computed(() => rates.value),
    given: computed(() => given.value),
    async start({ when = 'now', ...wish }) {
      const mine = (run += 1);
      wait.abort();
      if (when === 'wait' && !leadership.held() && !(await awaitPlace())) return;
      if (mine !== run) return;
      // Its answer decides nothing: weights are kept either way until room is needed.
      void components.askPersistence();
      batch(() => {
        choice.value = { ...wish, when };
        times.value = { ...NO_TIMES, joinStartMs: now() };
        rates.value = [];
        plan.value = null;
        take({ ...idleSnapshot(now()), state: 'probing', model: wish.entry, engine: wish.engine ?? null });
      });
      try {
        if (!leadership.held() && !(await leadership.acquire(when))) throw new AnotherTabLendsError();
        if (mine !== run) return;
        leadership.tell(snapshot.value);
        const { entry, engine, threads, layers } = wish;
        memory.remember({
          model: entry.id,
          ...(engine === undefined ? {} : { engine }),
          ...(threads === undefined ? {} : { threads }),
          ...(layers === undefined ? {} : { layers }),
        });
        const joined = await node.join();
        if (mine !== run) return;
        times.value = { ...times.value, entered: { probing: now() }, joinedMs: now() };
        const decided = await components.plan(wish);
        if (mine !== run) return;
        plan.value = decided;
        watch(joined);
        await joined.contributor.start(decided);
      } catch (error) {
        if (mine !== run) return;
        if (snapshot.value.state !== 'error') fail(error);
        memory.remember(null);
        await leadership.release();
      }
    },
    pause: async () => watched?.contributor.pause(),
    resume: async () => watched?.contributor.resume(),
    async stop() {
      run += 1;
      wait.abort();
      memory.remember(null);
      await watched?.contributor.stop();
      await leadership.release();
      batch(() => {
        take(watched?.contributor.snapshot() ?? idleSnapshot(now()));
        times.value = NO_TIMES;
        choice.value = null;
        plan.value = null;
      });
    },
    async forget() {
      run += 1;
      wait.abort();
      memory.remember(null);
      const joined = watched ?? (await node.join());
      watch(joined);
      await joined.contributor.forget();
      await leadership.release();
      times.value = NO_TIMES;
    },
    setShare: (share) => watched?.contributor.setShare(share),
    sample() {
      if (snapshot.value.state !== 'serving') return;
      rates.value = [...rates.value, snapshot.value.tokensPerSecond].slice(-RATE_SAMPLES);
    },
  };
}
