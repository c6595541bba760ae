import type { Tier } from '../capability/tiers.ts';
import type { PeerName } from '../ids.ts';
import type { Advert } from './advert.ts';

/** A peer as its last advert describes it. */
export interface PeerView {
  readonly peer: PeerName;
  readonly advert: Advert;
  readonly lastSeenMs: number;
  /** The clusters of its region in which it announces itself, as far as this node hears them. */
  readonly tiers: readonly Tier[];
}

/** Who serves what now: soft state fed by adverts, forgotten after `ADVERT_TTL_MS`, on leaving or disconnection. */
export interface PeerRegistry {
  /** Peers in no particular order, never more than `MAX_PEERS`; at a relay only those connected to it now. */
  peers(): readonly PeerView[];
  get(peer: PeerName): PeerView | undefined;
  /** Calls `listener` after every change; returns what ends that. */
  subscribe(listener: () => void): () => void;
}
