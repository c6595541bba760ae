import type { Multiaddr } from '@multiformats/multiaddr';
import { multiaddr } from '@multiformats/multiaddr';
import { MAX_RELAY_ADDRESSES } from '../constants.ts';

/** A relay, and where to dial it. */
export interface RelayPlace {
  readonly region: string;
  /** Of one relay; with or without `/p2p/<peer>` at the end. */
  readonly multiaddrs: readonly string[];
}

/** What can be parsed of a relay's addresses. */
export function dialable({ multiaddrs }: Pick<RelayPlace, 'multiaddrs'>): Multiaddr[] {
  return multiaddrs.slice(0, MAX_RELAY_ADDRESSES).flatMap((text) => {
    try {
      return [multiaddr(text)];
    } catch {
      return []; // of a newer version, or a stranger's word: another address may do
    }
  });
}

/** By what two addresses of one relay are known to be of one: its name where that is said. */
export const relayKey = ({ multiaddrs: [first = ''] }: Pick<RelayPlace, 'multiaddrs'>): string =>
  /\/p2p\/([^/]+)$/.exec(first)?.[1] ?? first;

/**
 * Every relay once, by its key. What later places say of a relay named before is added to that: whoever invents
 * addresses for a relay takes it out of nobody's reach.
 */
export function byRelay(places: Iterable<RelayPlace>): Map<string, RelayPlace> {
  const relays = new Map<string, RelayPlace>();
  for (const place of places) {
    const key = relayKey(place);
    const known = relays.get(key);
    const more = place.multiaddrs.filter(
      (address) => known === undefined || relayKey({ multiaddrs: [address] }) === key,
    );
    relays.set(key, { ...place, multiaddrs: [...new Set([...(known?.multiaddrs ?? []), ...more])] });
  }
  return relays;
}
