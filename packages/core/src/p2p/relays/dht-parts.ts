import { isPeerId, NotFoundError } from '@libp2p/interface';
import type { PeerId, PeerInfo, Stream } from '@libp2p/interface';
import type { KadDHTComponents } from '@libp2p/kad-dht';
import { isPrivate } from '@libp2p/utils';
import { CODE_P2P, multiaddr } from '@multiformats/multiaddr';
import type { Multiaddr } from '@multiformats/multiaddr';
import { withParts } from '../with-parts.ts';
import {
  MAX_DHT_ADDRESS_BYTES,
  MAX_DHT_ADDRESSES,
  MAX_DHT_ANSWER_BYTES,
  MAX_DHT_REQUEST_BYTES,
  MAX_HEARSAY_RELAYS,
} from './constants.ts';

export interface DhtParts {
  /** For libp2p's DHT, in place of the whole node's. */
  readonly parts: Pick<KadDHTComponents, 'connectionManager' | 'peerStore' | 'ping' | 'registrar'>;
  /** Remembers where a relay is that an answer named, for when the look-up goes on to it. */
  hear(relay: PeerInfo): void;
}

/**
 * What libp2p's DHT sees of the node: its streams carry so many bytes and no more, the peer store takes so many
 * addresses of a provider, and whoever was named in an answer can be dialled.
 */
export function dhtParts(components: KadDHTComponents): DhtParts {
  const { connectionManager, peerStore, ping, registrar, addressManager } = components;
  const heard = new Map<string, Multiaddr[]>();

  const target = (relay: PeerId): PeerId | Multiaddr[] => {
    if (connectionManager.getConnections(relay).length > 0) return relay;
    const addresses = heard.get(relay.toString()) ?? [];
    // Who says that a relay is inside of this network is a stranger: a public relay looks outside only.
    const isOutside = addressManager.getAddresses().some((address) => !isPrivate(address));
    const usable = isOutside ? addresses.filter((address) => !isPrivate(address)) : addresses;
    return usable.length === 0 ? relay : usable;
  };

  return {
    parts: {
      registrar: withParts(registrar, {
        handle: (protocol, handler, options) =>
          registrar.handle(
            protocol,
            (stream, connection) => {
              limitBytes(stream, MAX_DHT_REQUEST_BYTES);
              return handler(stream, connection);
            },
            options,
          ),
      }),
      connectionManager: withParts(connectionManager, {
        async openStream(to, protocol, options) {
          const stream = await connectionManager.openStream(isPeerId(to) ? target(to) : to, protocol, options);
          limitBytes(stream, MAX_DHT_ANSWER_BYTES);
          return stream;
        },
      }),
      ping: withParts(ping, {
        async ping(to, options) {
          // Whoever is named in an answer would be dialled at once; the look-up dials those that it goes on to.
          if (isPeerId(to) && connectionManager.getConnections(to).length === 0 && !(await peerStore.has(to)))
            throw new NotFoundError('It is known by hearsay only.');
          return ping.ping(to, options);
        },
      }),
      peerStore: withParts(peerStore, {
        async merge(peer, { multiaddrs, ...data }, options) {
          if (multiaddrs === undefined) return peerStore.merge(peer, data, options);
          const known = await peerStore.get(peer, options).then(
            ({ addresses }) => addresses,
            () => [], // not known yet
          );
          // Some are told with the name at their end, and some without.
          const told = boundedAddresses(multiaddrs).map((address) => ({
            multiaddr: address.decapsulateCode(CODE_P2P),
            isCertified: false,
          }));
          const others = known.filter(({ multiaddr: old }) => !told.some(({ multiaddr: own }) => own.equals(old)));
          const addresses = [...told, ...others].slice(0, MAX_DHT_ADDRESSES);
          return peerStore.patch(peer, { ...data, addresses }, options);
        },
      }),
    },
    hear({ id, multiaddrs }) {
      const name = id.toString();
      heard.delete(name);
      const [oldest] = heard.keys();
      if (heard.size >= MAX_HEARSAY_RELAYS && oldest !== undefined) heard.delete(oldest);
      heard.set(
        name,
        boundedAddresses(multiaddrs).map((address) => named(address, name)),
      );
    },
  };
}

/** What is remembered of a provider's addresses, and told on. */
export const boundedAddresses = (addresses: readonly Multiaddr[]): Multiaddr[] =>
  addresses.filter(({ bytes }) => bytes.byteLength <= MAX_DHT_ADDRESS_BYTES).slice(0, MAX_DHT_ADDRESSES);

/** An address that a dial checks the other side's name against. */
export const named = (address: Multiaddr, peer: string): Multiaddr => {
  const text = address.toString();
  return text.includes('/p2p/') ? address : multiaddr(`${text}/p2p/${peer}`);
};

/** libp2p would hold 4 MiB for a message that is not complete, of each stream. */
function limitBytes(stream: Stream, most: number): void {
  let received = 0;
  stream.addEventListener('message', ({ data }) => {
    received += data.byteLength;
    if (received > most) stream.abort(new Error(`More than ${most} bytes came.`));
  });
}
