/**
 * Connections a relay keeps: every tab of a region is one. libp2p's default of 300 would start dropping
 * contributors at the 301st.
 */
export const RELAY_MAX_CONNECTIONS = 4_096;

/**
 * A peer talks to its relay, to the coordinators it computes for and to the neighbours of its chains. A peer
 * that is reached through the relay first counts twice until the direct connection stands.
 */
export const PEER_MAX_CONNECTIONS = 64;

/** Connections of a peer beyond which those that carry nothing but gossip end, so that newcomers find room. */
export const PEER_BUSY_CONNECTIONS = 48;

/**
 * New relayed connections per second at a peer: all come by its relay, so that libp2p's default of 5 would
 * refuse the sixth coordinator.
 */
export const PEER_INBOUND_CONNECTIONS_PER_SECOND = 32;

/** Connections in the middle of their handshake at a peer. */
export const PEER_MAX_PENDING_CONNECTIONS = 32;

/**
 * New inbound connections per second and host. The relay's HTTP server pipes every upgrade to the loopback
 * listener, so that all peers look like one host: libp2p's default of 5 would refuse a region that comes
 * back after a restart. The public listener knows addresses and limits
 * what each may hold, unless a proxy of the operator's hides them and limits instead.
 */
export const RELAY_INBOUND_CONNECTIONS_PER_SECOND = 1_000;

/** Connections in the middle of their handshake; libp2p's default of 10 is less than one burst of tabs. */
export const RELAY_MAX_PENDING_CONNECTIONS = 256;

/** Where a relay listens unless told otherwise: only its own HTTP server reaches it. */
export const RELAY_LISTEN = '/ip4/127.0.0.1/tcp/0/ws';

/** How often every connection is pinged: the source of the round-trip times that routing uses. */
export const CONNECTION_PING_INTERVAL_MS = 10_000;

/** A page that compiles or a machine under load answers a ping late; libp2p would already cut it off at 5 s. */
export const CONNECTION_PING_TIMEOUT_MS = 20_000;

/** Pings of one connection at once, each way: the regular ones, and the first of a new connection. */
export const MAX_PING_STREAMS = 4;

/** Streams of all protocols on one connection: 64 sessions, gossip, identify, ping, and room. */
export const MAX_STREAMS_PER_CONNECTION = 256;

/** Yamux's own minimum; sessions carry little, and what is not granted here cannot pile up at a slow reader. */
export const STREAM_WINDOW_BYTES = 262_144;

/** Unread bytes of one stream; above the window, so that only a peer that ignores it is cut off. */
export const MAX_STREAM_BUFFER_BYTES = 1_048_576;

/** Bytes waiting in one WebSocket before writers are held back. */
export const MAX_SOCKET_BUFFER_BYTES = 1_048_576;

/** How long one dial may take, from name look-up to a usable connection. */
export const DIAL_TIMEOUT_MS = 10_000;

/** Finding the relay's addresses and reaching one of them, before the link starts over. */
export const CONNECT_TIMEOUT_MS = 20_000;

/** Addresses of one relay that are tried. */
export const MAX_RELAY_ADDRESSES = 16;

/** First wait after a lost or failed connection to the relay; doubles up to the bound, with jitter. */
export const MIN_RECONNECT_DELAY_MS = 500;
export const MAX_RECONNECT_DELAY_MS = 30_000;

/** A connection that lived this long starts the back-off anew; one that is cut at once does not. */
export const STABLE_CONNECTION_MS = 10_000;

/**
 * Where a peer can be reached: through a slot at each of its `MAX_RELAY_LINKS` relays (libp2p wants a line for each),
 * and by WebRTC with a relay as go-between.
 */
export const PEER_LISTEN = ['/p2p-circuit', '/p2p-circuit', '/p2p-circuit', '/webrtc'] as const;

/**
 * How long a peer's slot at the relay lasts; it ends with the connection anyway. Longer than tabs live: the
 * relay counts a renewed slot's time wrongly, see `relay-server.ts`.
 */
export const RESERVATION_TTL_MS = 86_400_000;

/** Asking for a slot, at a relay that a whole region comes back to. */
export const RESERVATION_TIMEOUT_MS = 10_000;

/** Setting up one relayed connection; a peer that does not answer the relay in that time is not there. */
export const HOP_TIMEOUT_MS = 10_000;

/** A relayed connection carries one answer at most, as the last resort; libp2p's 2 minutes would cut long ones. */
export const RELAYED_CONNECTION_MS = 600_000;

/**
 * Bytes of one relayed connection: 2,000 tokens of hidden states 4,096 wide, in f16. libp2p's 128 KiB end
 * inside the first prompt. The relay's bandwidth bounds it from above.
 */
export const RELAYED_CONNECTION_BYTES = 16_777_216;

/** Relayed connections one peer may have opened at once: half of them dials, half the last resort. */
export const MAX_HOP_STREAMS = 32;

/** Relayed connections towards one peer at once; more is not a peer that others use but one they attack. */
export const MAX_STOP_STREAMS = 64;

/**
 * A direct connection to a peer, with its place in line. Through a relay on another continent the dozen round
 * trips of a dial take 3 s; where no way exists, ICE itself would go on trying for half a minute.
 */
export const DIRECT_DIAL_TIMEOUT_MS = 8_000;

/** A relayed connection to a peer, after the direct one failed. */
export const RELAYED_DIAL_TIMEOUT_MS = 4_000;

/**
 * How long a peer that was reached only through the relay is not dialled directly again: each try costs a
 * session its `DIRECT_DIAL_TIMEOUT_MS`.
 */
export const DIRECT_RETRY_MS = 30_000;

/** Such peers remembered. */
export const MAX_INDIRECT_PEERS = 256;

/**
 * How long a relayed connection stays beside a direct one: the other side may be dialling over it at the same
 * time, and would lose the connection it has just made. As long as a dial may take.
 */
export const RELAYED_LINGER_MS = 8_000;

/** Peers dialled at once: a chain's neighbours and a failover's, without flooding the relay. */
export const MAX_DIALS_AT_ONCE = 8;

/** Dials that wait for their turn; one more fails at once. */
export const MAX_WAITING_DIALS = 64;

/** The first round trip of a new direct connection, before the regular pings. */
export const FIRST_PING_TIMEOUT_MS = 5_000;

/** From the answer of a WebRTC dial to the addresses of the side that dials, so that it has taken the answer in. */
export const CANDIDATE_HOLD_MS = 10;

/** Largest WebRTC message: every implementation takes 16 KiB, few take more. */
export const MAX_DATA_CHANNEL_MESSAGE_BYTES = 16_384;

/** Bytes waiting in one data channel before its writer is held back: as much as a stream's window elsewhere. */
export const MAX_DATA_CHANNEL_BUFFER_BYTES = 262_144;

/**
 * Unread bytes of one WebRTC stream before it is cut off. Unlike yamux it cannot hold the sender back, so that
 * a protocol must bound what is on its way by itself: this leaves room for the largest first message, which may come
 * before its reader (`MAX_OPEN_BYTES`), and twice for what stages send each other (`LINK_WINDOW_BYTES`).
 */
export const MAX_DATA_CHANNEL_UNREAD_BYTES = 1_048_576;

/** Streams a peer may open before this side's end of a new WebRTC connection is ready: identify, ping, gossip, sessions. */
export const MAX_EARLY_STREAMS = 32;

/** How long the end of a WebRTC stream waits for the other side to agree. */
export const DATA_CHANNEL_CLOSE_TIMEOUT_MS = 5_000;

/** STUN and TURN servers an operator may name; browsers warn from five on. */
export const MAX_ICE_SERVERS = 4;

/** Longest address of one, with its credentials. */
export const MAX_ICE_SERVER_CHARS = 256;

/**
 * How long a relay keeps what it knows of a peer that disconnected: it may come back, and protocols that say goodbye to
 * it still write. Every visit of a page has a fresh identity.
 */
export const FORGET_PEER_MS = 60_000;

/** Departed peers that wait to be forgotten: of more, the first to go is forgotten at once. */
export const MAX_DEPARTED_PEERS = 4_096;

/** Departed nodes that take part in the DHT, which are dialled again: as many as say so, and no more than these. */
export const MAX_DEPARTED_RELAYS = 256;
