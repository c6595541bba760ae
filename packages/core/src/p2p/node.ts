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
import { multiaddr } from '@multiformats/multiaddr';
import type { Multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import type { Libp2pOptions } from 'libp2p';
import { createChosenRelays } from './chosen-relays.ts';
import type { ChosenRelays } from './chosen-relays.ts';
import { circuitTransport } from './circuit-transport.ts';
import {
  CONNECTION_PING_INTERVAL_MS,
  CONNECTION_PING_TIMEOUT_MS,
  DATA_CHANNEL_CLOSE_TIMEOUT_MS,
  DIAL_TIMEOUT_MS,
  DIRECT_DIAL_TIMEOUT_MS,
  MAX_DATA_CHANNEL_BUFFER_BYTES,
  MAX_DATA_CHANNEL_MESSAGE_BYTES,
  MAX_DATA_CHANNEL_UNREAD_BYTES,
  MAX_EARLY_STREAMS,
  MAX_ICE_SERVERS,
  MAX_PING_STREAMS,
  MAX_SOCKET_BUFFER_BYTES,
  MAX_STOP_STREAMS,
  MAX_STREAM_BUFFER_BYTES,
  MAX_STREAMS_PER_CONNECTION,
  PEER_INBOUND_CONNECTIONS_PER_SECOND,
  PEER_LISTEN,
  PEER_MAX_CONNECTIONS,
  PEER_MAX_PENDING_CONNECTIONS,
  RELAY_INBOUND_CONNECTIONS_PER_SECOND,
  RELAY_LISTEN,
  RELAY_MAX_CONNECTIONS,
  RELAY_MAX_PENDING_CONNECTIONS,
  RESERVATION_TIMEOUT_MS,
  STREAM_WINDOW_BYTES,
} from './constants.ts';
import { parseIceServer } from './ice-servers.ts';
import { membershipGossip } from './membership/gossip.ts';
import { dht } from './relays/dht.ts';
import type { Dht } from './relays/dht.ts';
import { relayServer } from './relay-server.ts';
import type { RelayServer } from './relay-server.ts';
import { orderedWebRtc } from './web-rtc.ts';

export interface NodeInit {
  readonly role: 'relay' | 'peer';
  /** Gossip topics this node may hear and say anything on. */
  readonly topics: readonly string[];
  /** Identity in libp2p's protobuf form. @default a fresh one */
  readonly privateKey?: Uint8Array | undefined;
  /** @default loopback WebSockets for a relay; for a peer a slot at its relay, and WebRTC by way of that */
  readonly listen?: readonly string[] | undefined;
  /**
   * Addresses that others are told, read whenever they are told; undefined: those listened on.
   * @default those listened on
   */
  readonly announce?: (() => readonly string[] | undefined) | undefined;
  /**
   * STUN and TURN servers a peer uses to find a way to others, as `parseIceServer` reads them.
   * @default none: addresses of this device only
   */
  readonly iceServers?: readonly string[] | undefined;
}

export type OpenGatewayNode = Libp2p<{
  identify: Identify;
  ping: Ping;
  pubsub: GossipSub;
  dht: Dht;
  chosenRelays: ChosenRelays;
  /** Only at a relay. */
  relay?: RelayServer;
}>;

/** A libp2p node, not started: the same in a browser, a headless contributor and a relay. */
export async function createNode(init: NodeInit): Promise<OpenGatewayNode> {
  const { role, topics, privateKey, announce } = init;
  const chosenRelays = createChosenRelays();
  const listen = init.listen ?? (role === 'relay' ? [RELAY_LISTEN] : PEER_LISTEN);
  const node = await createLibp2p({
    start: false,
    ...(privateKey === undefined ? {} : { privateKey: privateKeyFromProtobuf(privateKey) }),
    addresses: {
      listen: [...listen],
      ...(announce === undefined ? {} : { announceFilter: (own) => announced(announce(), own) }),
    },
    transports: [
      webSockets({ maxBufferedAmount: MAX_SOCKET_BUFFER_BYTES }),
      ...(role === 'relay' ? [] : directTransports(init.iceServers ?? [], chosenRelays)),
    ],
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
      addressDialTimeout: DIRECT_DIAL_TIMEOUT_MS,
      // The relay link brings a lost relay back, and knows where it is by then.
      reconnectRetries: 0,
      ...(role === 'relay'
        ? {
            maxConnections: RELAY_MAX_CONNECTIONS,
            inboundConnectionThreshold: RELAY_INBOUND_CONNECTIONS_PER_SECOND,
            maxIncomingPendingConnections: RELAY_MAX_PENDING_CONNECTIONS,
          }
        : {
            maxConnections: PEER_MAX_CONNECTIONS,
            inboundConnectionThreshold: PEER_INBOUND_CONNECTIONS_PER_SECOND,
            maxIncomingPendingConnections: PEER_MAX_PENDING_CONNECTIONS,
          }),
    },
    connectionMonitor: {
      pingInterval: CONNECTION_PING_INTERVAL_MS,
      pingTimeout: { minTimeout: CONNECTION_PING_TIMEOUT_MS, maxTimeout: CONNECTION_PING_TIMEOUT_MS },
    },
    services: {
      identify: identify(),
      ping: ping({ maxInboundStreams: MAX_PING_STREAMS, maxOutboundStreams: MAX_PING_STREAMS }),
      pubsub: membershipGossip(topics, role),
      dht: dht(role),
      chosenRelays: () => chosenRelays,
      ...(role === 'relay' ? { relay: relayServer() } : {}),
    },
  });
  return node as OpenGatewayNode;
}

const announced = (addresses: readonly string[] | undefined, own: Multiaddr[]): Multiaddr[] =>
  addresses === undefined ? own : addresses.map((address) => multiaddr(address));

function directTransports(
  iceServers: readonly string[],
  relays: ChosenRelays,
): NonNullable<Libp2pOptions['transports']> {
  const servers = iceServers.slice(0, MAX_ICE_SERVERS).map(parseIceServer);
  const dataChannel = {
    maxMessageSize: MAX_DATA_CHANNEL_MESSAGE_BYTES,
    maxBufferedAmount: MAX_DATA_CHANNEL_BUFFER_BYTES,
    finAckTimeout: DATA_CHANNEL_CLOSE_TIMEOUT_MS,
    // Not in libp2p's type, but every stream is made with these options.
    maxReadBufferLength: MAX_DATA_CHANNEL_UNREAD_BYTES,
  };
  return [
    circuitTransport(
      {
        maxInboundStopStreams: MAX_STOP_STREAMS,
        maxOutboundStopStreams: 0,
        reservationCompletionTimeout: RESERVATION_TIMEOUT_MS,
      },
      relays,
    ),
    orderedWebRtc({
      // Never left out: libp2p would ask public STUN servers. A new object each: libp2p writes into it.
      rtcConfiguration: () => ({ iceServers: servers.filter((server) => server !== undefined) }),
      maxEarlyStreams: MAX_EARLY_STREAMS,
      dataChannel,
    }),
  ];
}
