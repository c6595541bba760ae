import type { Clock } from '../clock.ts';
import type { PeerName } from '../ids.ts';
import { BASE_PENALTY_MS, MAX_PENALISED_PEERS, MAX_PENALTY_MS } from './constants.ts';

/** Which peers lost a session lately: they are chosen only where there is no other. */
export interface PeerPenalties {
  has(peer: PeerName): boolean;
  /** Penalises for `BASE_PENALTY_MS`, twice as long for every further loss in a row. */
  add(peer: PeerName): void;
  /** Forgives after a session that went well. */
  clear(peer: PeerName): void;
}

export function createPeerPenalties({ clock }: { clock: Clock }): PeerPenalties {
  const penalties = new Map<PeerName, { untilMs: number; durationMs: number }>();
  return {
    has: (peer) => (penalties.get(peer)?.untilMs ?? 0) > clock.now(),
    add(peer) {
      const last = penalties.get(peer);
      const durationMs = Math.min(last === undefined ? BASE_PENALTY_MS : last.durationMs * 2, MAX_PENALTY_MS);
      penalties.delete(peer);
      if (penalties.size >= MAX_PENALISED_PEERS) forgetSoonest(penalties);
      penalties.set(peer, { untilMs: clock.now() + durationMs, durationMs });
    },
    clear(peer) {
      penalties.delete(peer);
    },
  };
}

function forgetSoonest(penalties: Map<PeerName, { untilMs: number }>): void {
  let soonest: [PeerName, { untilMs: number }] | undefined;
  for (const entry of penalties) if (soonest === undefined || entry[1].untilMs < soonest[1].untilMs) soonest = entry;
  if (soonest !== undefined) penalties.delete(soonest[0]);
}
