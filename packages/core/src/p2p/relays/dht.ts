import { InvalidParametersError, serviceCapabilities, serviceDependencies } from '@libp2p/interface';
import type { PeerDiscovery, PeerId, Startable } from '@libp2p/interface';
import { kadDHT } from '@libp2p/kad-dht';
import type { KadDHT, KadDHTComponents } from '@libp2p/kad-dht';
import { peerIdFromString } from '@libp2p/peer-id';
import type { CID } from 'multiformats/cid';
import { REGIONS } from '../../capability/region.ts';
import type { PeerName } from '../../ids.ts';
import { raceAbort } from '../../wire/race-abort.ts';
import { peerName } from '../peer-name.ts';
import { withParts } from '../with-parts.ts';
import { DHT_PROTOCOL, DHT_REQUEST_TIMEOUT_MS, MAX_DHT_STREAMS, MAX_FOUND_RELAYS } from './constants.ts';
import { recordHash, regionKey } from './dht-keys.ts';
import { boundedAddresses, dhtParts, named } from './dht-parts.ts';
import { ProviderRecords } from './provider-records.ts';

/** A node that announced itself under a key. */
export interface Provider {
  readonly peer: PeerName;
  /** Where it can be dialled, each ending in `/p2p/<peer>`. */
  readonly multiaddrs: readonly string[];
}

/** Kademlia among relays: they keep the records, peers only ask. */
export interface Dht extends Startable {
  /** Counts a connected relay among those that are asked; libp2p does so by itself, but some time later. */
  meet(relay: PeerId, options: { signal: AbortSignal }): Promise<void>;
  /** Announces this node under a key. @throws what the query throws, or the signal's reason */
  provide(key: CID, options: { signal: AbortSignal }): Promise<void>;
  /**
   * Who announced itself under a key: up to `MAX_FOUND_RELAYS`.
   *
   * @throws what the query throws, or the signal's reason; not where anybody was found before
   */
  findProviders(key: CID, options: { signal: AbortSignal }): Promise<readonly Provider[]>;
}

/**
 * libp2p's DHT as a service of a node. It is not offered to libp2p as a way to find peers and relays: libp2p would
 * walk it at random and reserve slots at relays of any region.
 */
export function dht(role: 'relay' | 'peer'): (components: KadDHTComponents) => Dht {
  return (components) => {
    const { parts, hear } = dhtParts(components);
    const regions = new Set<string>();
    const datastore = new ProviderRecords({
      now: Date.now,
      isKnown: (provider) => components.peerStore.has(peerIdFromString(provider)),
      isLast: (hash) => regions.has(hash),
    });
    const kad = kadDHT({
      protocol: DHT_PROTOCOL,
      clientMode: role === 'peer',
      // Relays on one machine or in one network know each other by private addresses. Whoever is found is asked
      // what it is before anything else is done with it.
      peerInfoMapper: (peer) => ({ ...peer, multiaddrs: boundedAddresses(peer.multiaddrs) }),
      maxInboundStreams: MAX_DHT_STREAMS,
      maxOutboundStreams: MAX_DHT_STREAMS,
      networkDialTimeout: REQUEST_TIMEOUT,
      pingNewContactTimeout: REQUEST_TIMEOUT,
      pingOldContactTimeout: REQUEST_TIMEOUT,
      validators: { pk: refuseValue },
    })(withParts(components, { ...parts, datastore })) as StartableDht;
    if (role === 'relay') kad.addEventListener('peer', ({ detail }) => hear(detail));
    return {
      async start() {
        for (const region of REGIONS) regions.add(recordHash(await regionKey(region)));
        await kad.start();
      },
      stop: () => kad.stop(),
      meet: (relay, options) => kad.routingTable.add(relay, options),
      async provide(key, options) {
        // The query runs as its events are read.
        for await (const { name } of kad.provide(key, options)) void name;
      },
      async findProviders(key, options) {
        const found = new Map<PeerName, Provider>();
        const find = async () => {
          for await (const event of kad.findProviders(key, options)) {
            if (event.name !== 'PROVIDER') continue;
            for (const { id, multiaddrs } of event.providers) {
              if (id.equals(components.peerId)) continue;
              const peer = peerName(id);
              const addresses = boundedAddresses(multiaddrs);
              found.set(peer, { peer, multiaddrs: addresses.map((address) => named(address, peer).toString()) });
            }
            if (found.size >= MAX_FOUND_RELAYS) break;
          }
        };
        try {
          await raceAbort(find(), options.signal);
        } catch (error) {
          if (found.size === 0) throw error;
        }
        return [...found.values()].slice(0, MAX_FOUND_RELAYS);
      },
      [serviceCapabilities]: ['@libp2p/kad-dht'],
      [serviceDependencies]: ['@libp2p/identify', '@libp2p/ping'],
    } as Dht;
  };
}

/** As libp2p makes it; its type says less. */
type StartableDht = KadDHT &
  PeerDiscovery &
  Startable & { readonly routingTable: { add(peer: PeerId, options: { signal: AbortSignal }): Promise<void> } };

const REQUEST_TIMEOUT = { minTimeout: DHT_REQUEST_TIMEOUT_MS, maxTimeout: DHT_REQUEST_TIMEOUT_MS };

/** libp2p would keep public keys for anybody, with whatever is appended to them. */
const refuseValue = async (): Promise<void> => {
  throw new InvalidParametersError('Values are not kept here.');
};
