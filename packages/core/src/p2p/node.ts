import { privateKeyFromProtobuf } from '@libp2p/crypto/keys';
import type { GossipSub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import type { Identify } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import type { Ping } from '@libp2p/ping';
import { webSockets } from '@libp2p/websockets';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import {
  CONNECTION_PING_INTERVAL_MS,
  CONNECTION_PING_TIMEOUT_MS,
  DIAL_TIMEOUT_MS,
  MAX_SOCKET_BUFFER_BYTES,
  MAX_STREAM_BUFFER_BYTES,
  MAX_STREAMS_PER_CONNECTION,
  PEER_MAX_CONNECTIONS,
  RELAY_INBOUND_CONNECTIONS_PER_SECOND,
  RELAY_LISTEN,
  RELAY_MAX_CONNECTIONS,
  RELAY_MAX_PENDING_CONNECTIONS,
  STREAM_WINDOW_BYTES,
} from './constants.ts';
import { membershipGossip } from './membership/gossip.ts';

export interface NodeInit {
  readonly role: 'relay' | 'peer';
  /** Gossip topic of the region. */
  readonly topic: string;
  /** Identity in libp2p's protobuf form. @default a fresh one */
  readonly privateKey?: Uint8Array | undefined;
  /** @default loopback WebSockets for a relay, none for a peer */
  readonly listen?: readonly string[] | undefined;
}

export type OpenGatewayNode = Libp2p<{ identify: Identify; ping: Ping; pubsub: GossipSub }>;

/** A libp2p node, not started: the same in a browser, a headless contributor and a relay. */
export function createNode(init: NodeInit): Promise<OpenGatewayNode> {
  const { role, topic, privateKey } = init;
  const listen = init.listen ?? (role === 'relay' ? [RELAY_LISTEN] : []);
  return createLibp2p({
    start: false,
    ...(privateKey === undefined ? {} : { privateKey: privateKeyFromProtobuf(privateKey) }),
    addresses: { listen: [...listen] },
    transports: [webSockets({ maxBufferedAmount: MAX_SOCKET_BUFFER_BYTES })],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: MAX_STREAMS_PER_CONNECTION,
        maxOutboundStreams: MAX_STREAMS_PER_CONNECTION,
        streamOptions: {
          initialStreamWindowSize: STREAM_WINDOW_BYTES,
          maxStreamWindowSize: STREAM_WINDOW_BYTES,
          maxReadBufferLength: MAX_STREAM_BUFFER_BYTES,
        },
      }),
    ],
    // libp2p in a browser refuses private and unencrypted addresses; a relay on this very machine is both.
    connectionGater: { denyDialMultiaddr: () => false },
    connectionManager: {
      dialTimeout: DIAL_TIMEOUT_MS,
      ...(role === 'relay'
        ? {
            maxConnections: RELAY_MAX_CONNECTIONS,
            inboundConnectionThreshold: RELAY_INBOUND_CONNECTIONS_PER_SECOND,
            maxIncomingPendingConnections: RELAY_MAX_PENDING_CONNECTIONS,
          }
        : { maxConnections: PEER_MAX_CONNECTIONS }),
    },
    connectionMonitor: {
      pingInterval: CONNECTION_PING_INTERVAL_MS,
      pingTimeout: { minTimeout: CONNECTION_PING_TIMEOUT_MS, maxTimeout: CONNECTION_PING_TIMEOUT_MS },
    },
    services: { identify: identify(), ping: ping(), pubsub: membershipGossip(topic, role) },
  });
}
