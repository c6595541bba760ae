import type { Clock } from '../clock.ts';
import type { PeerName } from '../ids.ts';
import { ADVERT_INTERVAL_MS, ADVERT_TTL_MS } from './advert.ts';
import type { Advert } from './advert.ts';
import { ADVERT_BURST, ADVERT_REFILL_MS, MAX_DEPARTED_PEERS, MAX_PEERS } from './constants.ts';
import type { PeerRegistry, PeerView } from './peer-view.ts';

/** What became of an advert: only an `accepted` one is news and worth forwarding. */
export type OfferOutcome = 'accepted' | 'stale' | 'too-frequent' | 'full';

/** The registry's writing side. */
export interface PeerRegistryWriter extends PeerRegistry {
  /** Takes a schema-checked advert that `peer` signed. */
  offer(peer: PeerName, advert: Advert): OfferOutcome;
  /** Forgets a peer whose connection closed; its next newer advert brings it back. */
  forget(peer: PeerName): void;
  /** Drops what has not been heard of for `ADVERT_TTL_MS`; reads do so too, this tells the listeners. */
  expire(): void;
}

export interface PeerRegistryInit {
  /** @default MAX_PEERS */
  readonly maxPeers?: number;
}

interface Entry extends PeerView {
  allowance: number;
  allowanceAtMs: number;
}

/**
 * Soft state about who serves what. When full, a newcomer takes the place of the peer heard of least
 * recently if that one missed an advert already; otherwise the newcomer is refused, so that a flood of
 * strangers cannot push out the living.
 */
export function createPeerRegistry(components: { clock: Clock }, init: PeerRegistryInit = {}): PeerRegistryWriter {
  const { clock } = components;
  const { maxPeers = MAX_PEERS } = init;
  const entries = new Map<PeerName, Entry>();
  const departed = new Map<PeerName, Departure>();
  const listeners = new Set<() => void>();

  const notify = () => {
    for (const listener of Array.from(listeners)) listener();
  };
  const isExpired = (entry: PeerView) => clock.now() - entry.lastSeenMs >= ADVERT_TTL_MS;
  const depart = (peer: PeerName, { run, sequence }: Advert) => {
    entries.delete(peer);
    departed.delete(peer);
    departed.set(peer, { run, sequence, atMs: clock.now() });
    for (const [name, { atMs }] of departed) {
      if (departed.size <= MAX_DEPARTED_PEERS && clock.now() - atMs < ADVERT_TTL_MS) break;
      departed.delete(name);
    }
  };
  const makeRoom = (): boolean => {
    if (entries.size < maxPeers) return true;
    let oldest: Entry | undefined;
    for (const entry of entries.values()) {
      if (oldest === undefined || entry.lastSeenMs < oldest.lastSeenMs) oldest = entry;
    }
    if (oldest === undefined || clock.now() - oldest.lastSeenMs < ADVERT_INTERVAL_MS) return false;
    depart(oldest.peer, oldest.advert);
    return true;
  };

  return {
    peers: () => [...entries.values()].filter((entry) => !isExpired(entry)),
    get(peer) {
      const entry = entries.get(peer);
      return entry === undefined || isExpired(entry) ? undefined : entry;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    offer(peer, advert) {
      const nowMs = clock.now();
      const known = entries.get(peer);
      const last = known?.advert ?? departed.get(peer);
      if (last !== undefined && !isNewer(advert, last)) return 'stale';
      if (advert.state === 'leaving') {
        depart(peer, advert);
        if (known !== undefined) notify();
        return known === undefined ? 'stale' : 'accepted';
      }
      const allowance =
        known === undefined
          ? ADVERT_BURST
          : Math.min(ADVERT_BURST, known.allowance + (nowMs - known.allowanceAtMs) / ADVERT_REFILL_MS);
      if (allowance < 1) return 'too-frequent';
      if (known === undefined && !makeRoom()) return 'full';
      entries.set(peer, { peer, advert, lastSeenMs: nowMs, allowance: allowance - 1, allowanceAtMs: nowMs });
      departed.delete(peer);
      notify();
      return 'accepted';
    },
    forget(peer) {
      const entry = entries.get(peer);
      if (entry === undefined) return;
      depart(peer, entry.advert);
      notify();
    },
    expire() {
      const expired = [...entries.values()].filter(isExpired);
      for (const entry of expired) depart(entry.peer, entry.advert);
      if (expired.length > 0) notify();
    },
  };
}

interface Departure {
  readonly run: number;
  readonly sequence: number;
  readonly atMs: number;
}

const isNewer = (a: { run: number; sequence: number }, b: { run: number; sequence: number }): boolean =>
  a.run > b.run || (a.run === b.run && a.sequence > b.sequence);
