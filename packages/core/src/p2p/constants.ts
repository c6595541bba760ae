/**
 * Connections a relay keeps: every tab of a region is one. libp2p's default of 300 would start dropping
 * contributors at the 301st.
 */
export const RELAY_MAX_CONNECTIONS = 4_096;

/** A peer talks to its relay and, later, to a few other peers. */
export const PEER_MAX_CONNECTIONS = 64;

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
