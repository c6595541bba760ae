import { circuitRelayServer, RELAY_V2_HOP_CODEC } from '@libp2p/circuit-relay-v2';
import type { CircuitRelayServerComponents, CircuitRelayService } from '@libp2p/circuit-relay-v2';
import type { Libp2pEvents, PeerId, Stream, StreamHandler, TypedEventTarget } from '@libp2p/interface';
import {
  HOP_TIMEOUT_MS,
  MAX_HOP_STREAMS,
  MAX_STOP_STREAMS,
  RELAY_MAX_CONNECTIONS,
  RELAYED_CONNECTION_BYTES,
  RELAYED_CONNECTION_MS,
  RESERVATION_TTL_MS,
} from './constants.ts';
import { withParts } from './with-parts.ts';

export interface RelayServer extends CircuitRelayService {
  /** Bytes that went from peer to peer through this relay, both ways, without what set the connections up. */
  relayedBytes(): number;
}

type RelayServerComponents = CircuitRelayServerComponents & { readonly events: TypedEventTarget<Libp2pEvents> };

/** libp2p's circuit relay with our limits, which counts what it relays and forgets who left. */
export function relayServer(): (components: RelayServerComponents) => RelayServer {
  return (components) => {
    const { events, registrar } = components;
    let bytes = 0;
    const count = (more: number) => {
      bytes += more;
    };
    const handle: typeof registrar.handle = (protocol, handler, options) =>
      registrar.handle(protocol, protocol === RELAY_V2_HOP_CODEC ? counted(handler, count) : handler, options);
    const server = circuitRelayServer({
      hopTimeout: HOP_TIMEOUT_MS,
      maxInboundHopStreams: MAX_HOP_STREAMS,
      maxOutboundHopStreams: 0,
      maxOutboundStopStreams: MAX_STOP_STREAMS,
      reservations: {
        maxReservations: RELAY_MAX_CONNECTIONS,
        reservationTtl: RESERVATION_TTL_MS,
        defaultDurationLimit: RELAYED_CONNECTION_MS,
        defaultDataLimit: BigInt(RELAYED_CONNECTION_BYTES),
      },
    })(withParts(components, { registrar: withParts(registrar, { handle }) }));
    // libp2p keeps a slot until its time is over: a day of tabs that come and go would use them all up.
    events.addEventListener('peer:disconnect', ({ detail: peer }: CustomEvent<PeerId>) => {
      // An expired slot of the past must not end a later one. libp2p cannot cancel it once it was renewed.
      server.reservations.get(peer)?.signal.clear();
      server.reservations.delete(peer);
    });
    return Object.assign(server, { relayedBytes: () => bytes });
  };
}

/**
 * Counts on the dialling side's stream, which sees both directions. When the handler is done, either the stream
 * was joined with the other side's and all that follows is relayed, or nothing follows.
 */
function counted(handler: StreamHandler, count: (bytes: number) => void): StreamHandler {
  return async (stream: Stream, connection) => {
    await handler(stream, connection);
    if (stream.status !== 'open') return;
    const send = stream.send.bind(stream);
    stream.send = (data) => {
      count(data.byteLength);
      return send(data);
    };
    stream.addEventListener('message', ({ data }) => count(data.byteLength));
  };
}
