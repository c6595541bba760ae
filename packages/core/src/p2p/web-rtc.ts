import type { Connection, Stream, Transport } from '@libp2p/interface';
import { webRTC } from '@libp2p/webrtc';
import type { WebRTCTransportComponents, WebRTCTransportInit } from '@libp2p/webrtc';
import { CANDIDATE_HOLD_MS } from './constants.ts';
import { withParts } from './with-parts.ts';

/**
 * libp2p's WebRTC, whose dialling side names its own addresses only after it has read the answer.
 *
 * libp2p sends them right behind the offer. The other side then checks them, connects and begins its DTLS
 * handshake before this side knows whom to expect: between peers close to each other libdatachannel (Node) lost
 * the first handshake message in 6 of 10 dials, which costs a second, and refused the certificate in 1 of 10,
 * which libp2p notices only when the dial's time is over.
 */
export function orderedWebRtc(init: WebRTCTransportInit): (components: WebRTCTransportComponents) => Transport {
  return (components) => {
    const { connectionManager, transportManager } = components;
    const getConnections: typeof connectionManager.getConnections = (peer) =>
      connectionManager.getConnections(peer).map(holding);
    const dial: typeof transportManager.dial = async (address, options) =>
      holding(await transportManager.dial(address, options));
    return webRTC(init)(
      withParts(components, {
        connectionManager: withParts(connectionManager, { getConnections }),
        transportManager: withParts(transportManager, { dial }),
      }),
    );
  };
}

/** The connection as libp2p's WebRTC uses it to open a stream for signalling. */
function holding(connection: Connection): Connection {
  return withParts(connection, {
    newStream: async (protocols, options) => holdCandidates(await connection.newStream(protocols, options)),
  });
}

/** Lets the first message, the offer, pass, and holds the others until the answer has come. */
export function holdCandidates(stream: Stream): Stream {
  const send = stream.send.bind(stream);
  const held: Parameters<Stream['send']>[0][] = [];
  let state: 'offer' | 'hold' | 'pass' = 'offer';
  stream.send = (bytes) => {
    if (state === 'pass') return send(bytes);
    if (state === 'hold') return held.push(bytes) > 0;
    state = 'hold';
    return send(bytes);
  };
  const pass = () => {
    state = 'pass';
    if (stream.writeStatus !== 'writable') return;
    for (const bytes of held) send(bytes);
  };
  stream.addEventListener('message', () => setTimeout(pass, CANDIDATE_HOLD_MS), { once: true });
  return stream;
}
