import type { Clock } from '../clock.ts';
import type { PeerName } from '../ids.ts';
import { hopKey } from '../routing/hop-key.ts';
import { HOP_TIME_LIFE_MS, MAX_KNOWN_HOPS } from './constants.ts';

/** Round trips between peers as stages told them lately; the one told longest ago is forgotten first. */
export interface HopTimes {
  /** Undefined where none was told within `HOP_TIME_LIFE_MS`: a way that was slow once is tried again. */
  get(from: PeerName, to: PeerName): number | undefined;
  note(from: PeerName, to: PeerName, rttMs: number): void;
}

export function createHopTimes({ clock }: { clock: Clock }): HopTimes {
  const times = new Map<string, { rttMs: number; atMs: number }>();
  return {
    get(from, to) {
      const told = times.get(hopKey(from, to));
      return told === undefined || clock.now() - told.atMs >= HOP_TIME_LIFE_MS ? undefined : told.rttMs;
    },
    note(from, to, rttMs) {
      const key = hopKey(from, to);
      times.delete(key);
      times.set(key, { rttMs, atMs: clock.now() });
      const [oldest] = times.keys();
      if (times.size > MAX_KNOWN_HOPS && oldest !== undefined) times.delete(oldest);
    },
  };
}
