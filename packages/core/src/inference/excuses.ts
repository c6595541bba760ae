import type { Clock } from '../clock.ts';
import type { PeerName } from '../ids.ts';
import { EXCUSE_LIFE_MS, MAX_REMEMBERED_EXCUSES } from './constants.ts';

/** One answer that a peer gave up. */
export interface Excuse {
  readonly atMs: number;
  /** When the advert came that it was chosen by: several requests may meet one that is out of date. */
  readonly seenMs: number;
}

/** Which peers lately gave up answers for reasons that are nobody's fault: once may be, again and again is not. */
export interface Excuses {
  /**
   * Notes that `peer` gave up an answer that another then completed.
   *
   * @returns whether it had done so before, and announced itself since
   */
  note(peer: PeerName, excuse: Excuse): boolean;
}

export function createExcuses({ clock }: { clock: Clock }): Excuses {
  /** When each last did, the longest ago first. */
  const lastMs = new Map<PeerName, number>();
  const forgetOld = () => {
    for (const [peer, atMs] of lastMs) {
      if (lastMs.size <= MAX_REMEMBERED_EXCUSES && clock.now() - atMs < EXCUSE_LIFE_MS) return;
      lastMs.delete(peer);
    }
  };
  return {
    note(peer, { atMs, seenMs }) {
      forgetOld();
      const beforeMs = lastMs.get(peer);
      if (beforeMs !== undefined && seenMs <= beforeMs) return false;
      lastMs.delete(peer);
      lastMs.set(peer, atMs);
      forgetOld();
      return beforeMs !== undefined;
    },
  };
}
