import { circuitRelayTransport, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2';
import type { CircuitRelayTransportComponents, CircuitRelayTransportInit } from '@libp2p/circuit-relay-v2';
import type { StreamHandler, Transport } from '@libp2p/interface';
import { isToRelay } from './connection-kind.ts';
import { withParts } from './with-parts.ts';

/**
 * libp2p's way through a relay, open to relays alone. By itself it lets any peer hand in connections of others, and
 * say that they have no limits: they would then count as direct.
 */
export function circuitTransport(
  init: CircuitRelayTransportInit,
): (components: CircuitRelayTransportComponents) => Transport {
  return (components) => {
    const { registrar } = components;
    const handle: typeof registrar.handle = (protocol, handler, options) =>
      registrar.handle(protocol, protocol === RELAY_V2_STOP_CODEC ? fromRelays(handler) : handler, options);
    return circuitRelayTransport(init)(withParts(components, { registrar: withParts(registrar, { handle }) }));
  };
}

const fromRelays =
  (handler: StreamHandler): StreamHandler =>
  (stream, connection) => {
    if (isToRelay(connection)) return handler(stream, connection);
    stream.abort(new Error('Only a relay connects others to this peer.'));
    return undefined;
  };
