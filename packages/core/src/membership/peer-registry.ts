import type { Tier } from '../capability/tiers.ts';
import type { Clock } from '../clock.ts';
import type { PeerName } from '../ids.ts';
import { ADVERT_INTERVAL_MS, ADVERT_TTL_MS } from './advert.ts';
import type { Advert } from './advert.ts';
import { ADVERT_BURST, ADVERT_REFILL_MS, MAX_DEPARTED_PEERS, MAX_PEERS } from './constants.ts';
import type { PeerRegistry, PeerView } from './peer-view.ts';

/** What became of an advert: only an `accepted` one is news and worth forwarding. */
export type OfferOutcome = 'accepted' | 'stale' | 'too-frequent' | 'full' | 'unconnected';

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
  /** The cluster whose adverts are offered. @default none */
  readonly tier?: Tier;
  /** @default MAX_PEERS */
  readonly maxPeers?: number;
  /**
   * Whether only connected peers are taken and shown: at a relay, where every peer that can be used has a
   * connection, and identities cost nothing to make.
   * @default false
   */
  readonly connectedOnly?: boolean;
}

export interface PeerRegistryComponents {
  readonly clock: Clock;
  /** Whether this node has a usable connection to the peer now. @default every peer counts as connected */
  isConnected?(peer: PeerName): boolean;
}

interface Entry extends PeerView {
  allowance: number;
  allowanceAtMs: number;
}

/**
 * Soft state about who serves what. When full, a newcomer with a connection takes the place of the peer heard
 * of least recently among those without one, and of one with a connection only if that missed an advert. A
 * newcomer without a connection takes nothing but the place of another such that missed an advert. Who signs
 * with many identities over one connection therefore pushes out nobody who is connected.
 */
export function createPeerRegistry(
  { clock, isConnected = () => true }: PeerRegistryComponents,
  init: PeerRegistryInit = {},
): PeerRegistryWriter {
  const { tier, maxPeers = MAX_PEERS, connectedOnly = false } = init;
  const tiers = tier === undefined ? [] : [tier];
  const entries = new Map<PeerName, Entry>();
  const departed = new Map<PeerName, Departure>();
  const listeners = new Set<() => void>();

  const notify = () => {
    for (const listener of Array.from(listeners)) listener();
  };
  const isShown = (entry: PeerView) => !isExpired(entry) && (!connectedOnly || isConnected(entry.peer));
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
  const makeRoom = (newcomer: PeerName): boolean => {
    if (entries.size < maxPeers) return true;
    const unconnected = oldestOf([...entries.values()].filter(({ peer }) => !isConnected(peer)));
    const comesFirst = isConnected(newcomer);
    const oldest = unconnected ?? (comesFirst ? oldestOf(entries.values()) : undefined);
    if (oldest === undefined) return false;
    const missedAnAdvert = clock.now() - oldest.lastSeenMs >= ADVERT_INTERVAL_MS;
    if (!missedAnAdvert && !(comesFirst && oldest === unconnected)) return false;
    depart(oldest.peer, oldest.advert);
    return true;
  };

  return {
    peers: () => [...entries.values()].filter(isShown),
    get(peer) {
      const entry = entries.get(peer);
      return entry !== undefined && isShown(entry) ? entry : undefined;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    offer(peer, advert) {
      if (connectedOnly && !isConnected(peer)) return 'unconnected';
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
      if (known === undefined && !makeRoom(peer)) return 'full';
      entries.set(peer, { peer, advert, lastSeenMs: nowMs, tiers, allowance: allowance - 1, allowanceAtMs: nowMs });
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

function oldestOf<View extends PeerView>(views: Iterable<View>): View | undefined {
  let oldest: View | undefined;
  for (const view of views) if (oldest === undefined || view.lastSeenMs < oldest.lastSeenMs) oldest = view;
  return oldest;
}
