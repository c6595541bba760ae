import { circuitRelayTransport, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2';
import type { CircuitRelayTransportComponents, CircuitRelayTransportInit } from '@libp2p/circuit-relay-v2';
import type { StreamHandler, Transport } from '@libp2p/interface';
import type { ChosenRelays, SlotStore } from './chosen-relays.ts';
import { isByAddress } from './connection-kind.ts';
import { withParts } from './with-parts.ts';

/**
 * libp2p's way through a relay, open to chosen relays alone. By itself it takes a slot at whoever offers one, lets any
 * peer hand in connections of others, and say that they have no limits: they would then count as direct.
 */
export function circuitTransport(
  init: CircuitRelayTransportInit,
  relays: ChosenRelays,
): (components: CircuitRelayTransportComponents) => Transport {
  return (components) => {
    const { registrar } = components;
    const handle: typeof registrar.handle = (protocol, handler, options) =>
      registrar.handle(protocol, protocol === RELAY_V2_STOP_CODEC ? fromRelays(handler, relays) : handler, options);
    const transport = circuitRelayTransport(init)(
      withParts(components, {
        registrar: withParts(registrar, { handle }),
        transportManager: withParts(components.transportManager, { listen: refuse }),
      }),
    );
    relays.keepSlotsIn((transport as Transport & { readonly reservationStore: SlotStore }).reservationStore);
    return transport;
  };
}

/** A relay that hands in a connection without having given a slot would else add a listener each time. */
const refuse = () => Promise.reject(new Error('Slots are asked for elsewhere.'));

const fromRelays =
  (handler: StreamHandler, relays: ChosenRelays): StreamHandler =>
  (stream, connection) => {
    if (isByAddress(connection) && relays.has(connection.remotePeer)) return handler(stream, connection);
    stream.abort(new Error('Only a relay connects others to this peer.'));
    return undefined;
  };
