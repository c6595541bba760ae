import type { Clock } from '../clock.ts';
import type { PeerName } from '../ids.ts';
import { MAX_REMEMBERED_SESSIONS } from './constants.ts';

/** An advert describes a peer as it was a little before it arrived: debounce, signature, gossip. */
const ADVERT_LAG_MS = 200;

/**
 * This coordinator's own sessions, to correct adverts that lag by seconds: without it, requests that come
 * together all go to the same peer.
 */
export interface SessionLedger {
  /** Notes a session opened; the function returned notes its end, once. */
  start(peer: PeerName): () => void;
  /** Sessions opened on `peer` since an advert that came at `sinceMs`, less those it counts that have ended. */
  unseen(peer: PeerName, sinceMs: number): number;
  /** Sessions open now, on all peers. */
  open(): number;
}

interface Entry {
  readonly peer: PeerName;
  readonly startedMs: number;
  endedMs: number | undefined;
}

export function createSessionLedger({ clock }: { clock: Clock }): SessionLedger {
  const running = new Set<Entry>();
  const ended: Entry[] = [];
  return {
    start(peer) {
      const entry: Entry = { peer, startedMs: clock.now(), endedMs: undefined };
      running.add(entry);
      return () => {
        if (!running.delete(entry)) return;
        entry.endedMs = clock.now();
        ended.push(entry);
        if (ended.length > MAX_REMEMBERED_SESSIONS) ended.shift();
      };
    },
    unseen(peer, sinceMs) {
      const madeMs = sinceMs - ADVERT_LAG_MS;
      let count = 0;
      for (const entry of running) if (entry.peer === peer && entry.startedMs >= madeMs) count += 1;
      for (const entry of ended) {
        if (entry.peer === peer && entry.startedMs < madeMs && (entry.endedMs ?? 0) >= sinceMs) count -= 1;
      }
      return count;
    },
    open: () => running.size,
  };
}
