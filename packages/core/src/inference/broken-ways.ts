import type { Clock } from '../clock.ts';
import type { PeerName } from '../ids.ts';
import { BROKEN_WAY_LIFE_MS, MAX_BROKEN_WAYS, MIN_ACCUSERS } from './constants.ts';

/**
 * What stages said of their neighbours lately, in all requests. One word stands against another, so that it costs
 * nobody anything; who is found at several broken ways is most likely why they broke.
 */
export interface BrokenWays {
  /**
   * Notes that `accuser` says `accused` broke the way between them.
   *
   * @returns the accuser where it said the same of another peer, the accused where another says so too that names
   * only it, else undefined: who is to be chosen last for a while.
   */
  note(accuser: PeerName, accused: PeerName): PeerName | undefined;
}

export function createBrokenWays({ clock }: { clock: Clock }): BrokenWays {
  /** By both names, the one noted longest ago first. */
  const ways = new Map<string, { accuser: PeerName; accused: PeerName; atMs: number }>();
  const forgetOld = () => {
    for (const [key, { atMs }] of ways) {
      if (ways.size <= MAX_BROKEN_WAYS && clock.now() - atMs < BROKEN_WAY_LIFE_MS) return;
      ways.delete(key);
    }
  };
  const namedBy = (accuser: PeerName) => [...ways.values()].filter((way) => way.accuser === accuser).length;
  return {
    note(accuser, accused) {
      const key = `${accuser} ${accused}`;
      ways.delete(key);
      ways.set(key, { accuser, accused, atMs: clock.now() });
      forgetOld();
      if (namedBy(accuser) >= MIN_ACCUSERS) return accuser;
      const witnesses = [...ways.values()].filter((way) => way.accused === accused && namedBy(way.accuser) === 1);
      return witnesses.length >= MIN_ACCUSERS ? accused : undefined;
    },
  };
}
