import type { PeerName } from '../ids.ts';
import { MAX_HOP_RTT_MS } from './constants.ts';
import type { StageCandidate } from './examine-peers.ts';
import { hopKey } from './hop-key.ts';
import type { RouteKnowledge } from './types.ts';

/** Round trip of the direct way between two stages; Infinity where a chain may not use it. */
export type HopTime = (from: StageCandidate, to: StageCandidate) => number;

/**
 * As measured, else estimated as the mean of the coordinator's round trips to both. An estimate bans no way: who is
 * far from the coordinator may be next to its neighbour.
 */
export function createHopTime(knowledge: RouteKnowledge): HopTime {
  const { excludedHops } = knowledge;
  const isExcluded = (from: PeerName, to: PeerName) => excludedHops.size > 0 && excludedHops.has(hopKey(from, to));
  return (from, to) => {
    if (isExcluded(from.peer, to.peer)) return Infinity;
    const measuredMs = knowledge.hopRttMs(from.peer, to.peer);
    if (measuredMs === undefined) return Math.min((from.rttMs + to.rttMs) / 2, MAX_HOP_RTT_MS);
    return measuredMs > MAX_HOP_RTT_MS ? Infinity : measuredMs;
  };
}
