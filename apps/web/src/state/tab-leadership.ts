import { computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { ContributorSnapshot } from '@opengateway/core';
import { CONTRIBUTOR_LOCK } from '../constants.ts';

/** The browser's one place for lending, and what the tabs tell each other of it. */
export interface TabLeadership {
  /** What the tab that lends said last; null where this one does, or none. */
  readonly elsewhere: ReadonlySignal<ContributorSnapshot | null>;
  /** This tab has the place. */
  held(): boolean;
  /**
   * Takes the place: `now` only if it is free, `take-over` from whoever has it, `wait` when it comes free.
   * Aborting the signal ends the wait. Resolves to whether this tab has it.
   */
  acquire(how: 'now' | 'take-over' | 'wait', options?: { signal?: AbortSignal }): Promise<boolean>;
  /** Resolves when the browser has the place back. */
  release(): Promise<void>;
  /** Tells the others how this tab does; ignored without the place. */
  tell(snapshot: ContributorSnapshot): void;
  /** Calls `listener` when another tab took the place over. */
  onTakenOver(listener: () => void): void;
}

type TabMessage =
  | { readonly type: 'hello' }
  | { readonly type: 'state'; readonly snapshot: ContributorSnapshot }
  | { readonly type: 'gone' };

interface Place {
  readonly release: () => void;
  readonly ended: Promise<void>;
}

/** Tabs talk over `channel`; the lock alone decides who lends, and it ends with its tab however that ended. */
export function createTabLeadership(components: {
  locks: Pick<LockManager, 'request'>;
  channel: Pick<BroadcastChannel, 'postMessage' | 'addEventListener'>;
}): TabLeadership {
  const { locks, channel } = components;
  const elsewhere = signal<ContributorSnapshot | null>(null);
  let place: Place | null = null;
  let last: ContributorSnapshot | null = null;
  let watching = false;
  let takenOver: (() => void) | null = null;
  const post = (message: TabMessage) => channel.postMessage(message);

  /** A shared request is granted when the leader's exclusive one ends, also where it could not say goodbye. */
  const watch = async () => {
    if (watching) return;
    watching = true;
    try {
      await locks.request(CONTRIBUTOR_LOCK, { mode: 'shared' }, () => {
        elsewhere.value = null;
      });
    } catch {
      // Only a page that goes away loses its requests.
    } finally {
      watching = false;
    }
  };
  channel.addEventListener('message', (event) => {
    const message = (event as MessageEvent<TabMessage>).data;
    if (message.type === 'hello') {
      if (place !== null && last !== null) post({ type: 'state', snapshot: last });
    } else if (message.type === 'gone') elsewhere.value = null;
    else if (place === null) {
      elsewhere.value = message.snapshot;
      void watch();
    }
  });
  post({ type: 'hello' });

  return {
    elsewhere: computed(() => elsewhere.value),
    held: () => place !== null,
    acquire: (how, { signal: abort } = {}) =>
      new Promise((resolve) => {
        const { promise, resolve: release } = Promise.withResolvers<void>();
        const hold = (lock: Lock | null) => {
          if (lock === null) {
            resolve(false);
            return undefined;
          }
          place = { release, ended };
          elsewhere.value = null;
          resolve(true);
          return promise;
        };
        const options: LockOptions =
          how === 'now'
            ? { ifAvailable: true }
            : how === 'take-over'
              ? { steal: true }
              : abort === undefined
                ? {}
                : { signal: abort };
        const ended = locks.request(CONTRIBUTOR_LOCK, options, hold).then(
          () => undefined,
          () => {
            resolve(false);
            if (place?.release !== release) return;
            place = null;
            takenOver?.();
          },
        );
      }),
    async release() {
      const leaving = place;
      if (leaving === null) return;
      place = null;
      last = null;
      post({ type: 'gone' });
      leaving.release();
      await leaving.ended;
    },
    tell(snapshot) {
      if (place === null) return;
      last = snapshot;
      post({ type: 'state', snapshot });
    },
    onTakenOver(listener) {
      takenOver = listener;
    },
  };
}
