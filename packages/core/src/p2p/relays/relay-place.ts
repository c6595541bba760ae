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
