import { serviceCapabilities, serviceDependencies } from '@libp2p/interface';
import type { PeerId, Startable } from '@libp2p/interface';
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht';
import type { KadDHT, KadDHTComponents } from '@libp2p/kad-dht';
import type { CID } from 'multiformats/cid';
import type { PeerName } from '../../ids.ts';
import { peerName } from '../peer-name.ts';
import { withParts } from '../with-parts.ts';
import { BoundedDatastore } from './bounded-datastore.ts';
import { DHT_PROTOCOL, MAX_DHT_RECORDS, MAX_DHT_STREAMS, MAX_FOUND_RELAYS } from './constants.ts';

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
  /** Who announced itself under a key: up to `MAX_FOUND_RELAYS`; what was found before a failure counts. */
  findProviders(key: CID, options: { signal: AbortSignal }): Promise<readonly Provider[]>;
}

/**
 * libp2p's DHT as a service of a node. It is not offered to libp2p as a way to find peers and relays: libp2p would
 * walk it at random and reserve slots at relays of any region.
 */
export function dht(role: 'relay' | 'peer'): (components: KadDHTComponents) => Dht {
  return (components) => {
    const kad = kadDHT({
      protocol: DHT_PROTOCOL,
      clientMode: role === 'peer',
      // Relays on one machine or in one network know each other by private addresses. Whoever is found is asked
      // what it is before anything else is done with it.
      peerInfoMapper: passthroughMapper,
      maxInboundStreams: MAX_DHT_STREAMS,
      maxOutboundStreams: MAX_DHT_STREAMS,
    })(withParts(components, { datastore: new BoundedDatastore(MAX_DHT_RECORDS) })) as StartableDht;
    return {
      start: () => kad.start(),
      stop: () => kad.stop(),
      meet: (relay, options) => kad.routingTable.add(relay, options),
      async provide(key, options) {
        // The query runs as its events are read.
        for await (const { name } of kad.provide(key, options)) void name;
      },
      async findProviders(key, options) {
        const found = new Map<PeerName, Provider>();
        try {
          for await (const event of kad.findProviders(key, options)) {
            if (event.name !== 'PROVIDER') continue;
            for (const { id, multiaddrs } of event.providers) {
              if (id.equals(components.peerId)) continue;
              const peer = peerName(id);
              found.set(peer, { peer, multiaddrs: multiaddrs.map((address) => named(address.toString(), peer)) });
            }
            if (found.size >= MAX_FOUND_RELAYS) break;
          }
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
  Startable & { readonly routingTable: { add(peer: PeerId, options: { signal: AbortSignal }): Promise<void> } };

const named = (address: string, peer: PeerName): string =>
  address.includes('/p2p/') ? address : `${address}/p2p/${peer}`;
