import type { PeerName } from '../ids.ts';
import { hopKey } from '../routing/hop-key.ts';
import { MAX_KNOWN_HOPS } from './constants.ts';

/** Round trips between peers as stages told them; the one told longest ago is forgotten first. */
export interface HopTimes {
  get(from: PeerName, to: PeerName): number | undefined;
  note(from: PeerName, to: PeerName, rttMs: number): void;
}

export function createHopTimes(): HopTimes {
  const times = new Map<string, number>();
  return {
    get: (from, to) => times.get(hopKey(from, to)),
    note(from, to, rttMs) {
      const key = hopKey(from, to);
      times.delete(key);
      times.set(key, rttMs);
      const [oldest] = times.keys();
      if (times.size > MAX_KNOWN_HOPS && oldest !== undefined) times.delete(oldest);
    },
  };
}
