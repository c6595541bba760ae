import type { BootstrapDocument, RegionSource } from '../bootstrap.ts';
import type { RelayPlace } from '../p2p/relays/relay-place.ts';
import { nearestFirst } from './region.ts';
import type { Region } from './region.ts';

/** The region a node joins, and how it came to that. */
export interface RegionChoice {
  readonly region: string;
  /** `relay`: neither the person nor the address names a region with a relay, so that it is that of the relay asked. */
  readonly source: RegionSource;
  /** All relays whose addresses are known, nearest first: those of other regions lead to more of its own. */
  readonly relays: readonly RelayPlace[];
}

/** The region a person chose, else the one of the node's address, where a relay is known there; else the relay's own. */
export function chooseRegion(
  { region: own, relay, relays = [], client }: Pick<BootstrapDocument, 'region' | 'relay' | 'relays' | 'client'>,
  override?: Region,
): RegionChoice {
  const places: RelayPlace[] = [
    { region: own, multiaddrs: relay.multiaddrs },
    ...relays.flatMap(({ region, multiaddrs }) =>
      multiaddrs === undefined || multiaddrs.some((address) => relay.multiaddrs.includes(address))
        ? []
        : [{ region, multiaddrs }],
    ),
  ];
  const wanted: readonly (readonly [string | undefined, RegionSource])[] = [
    [override, 'override'],
    [client?.region, client?.regionSource ?? 'relay'],
    [own, 'relay'],
  ];
  const [region, source] = wanted.find(([name]) => places.some((place) => place.region === name)) ?? [own, 'relay'];
  return { region: region ?? own, source, relays: nearestFirst(places, region ?? own) };
}
