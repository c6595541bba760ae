/** Answers computed at once over all clients; beyond it 429. Contributors refuse long before this. */
export const MAX_ACTIVE_ANSWERS = 256;

/** Silence after which a stream gets a comment, so that proxies and clients keep the connection. */
export const KEEP_ALIVE_MS = 10_000;

/**
 * Longest that a stream's headers wait for its route. Full contributors may keep a request in line for a
 * minute: beyond this the stream opens and comments tell its place, and the route when it is known.
 */
export const ROUTE_WAIT_MS = 5_000;

/** Longest a client may leave its buffers full, of a stream or a file, before its connection is cut. */
export const STALLED_CLIENT_MS = 60_000;

/** Longest that running answers may take to finish once a stop was asked for. */
export const DRAIN_TIMEOUT_MS = 30_000;

/** Longest that children and sockets may take to close after that. */
export const CLOSE_TIMEOUT_MS = 5_000;

/** Signals this close together are one: npm hands on a Ctrl-C that the terminal has already given to everyone. */
export const SAME_SIGNAL_MS = 500;

/** Connections of all kinds on the public port. */
export const MAX_CONNECTIONS = 4_096;

/** Connections handed on to libp2p: one per contributing or visiting tab. */
export const MAX_UPGRADED_CONNECTIONS = 2_048;

/**
 * Connections of one remote address (an IPv6 /64), and those of them handed on to libp2p. Room for an office
 * behind one address; nobody alone can take all places.
 */
export const MAX_CONNECTIONS_PER_ADDRESS = 512;
export const MAX_UPGRADED_CONNECTIONS_PER_ADDRESS = 256;

/** Longest that an upgraded connection may take to send its first bytes: libp2p's dialer speaks at once. */
export const FIRST_BYTES_TIMEOUT_MS = 10_000;

/** Longest that libp2p's listener on loopback may take to accept and to answer an upgrade. */
export const UPSTREAM_TIMEOUT_MS = 5_000;

/** TCP keep-alive of upgraded connections: finds peers that vanished without a word. */
export const UPGRADED_KEEP_ALIVE_MS = 30_000;

/** Longest that a client may take to send its headers. */
export const HEADERS_TIMEOUT_MS = 10_000;

/** Longest that a client may take to send its whole request, headers and body (1 MiB at most). */
export const REQUEST_TIMEOUT_MS = 15_000;

/** How often connections are looked at for those two limits: how late one may be noticed. */
export const CONNECTIONS_CHECK_MS = 5_000;

/** Idle time between requests of one connection; above the 60 s that load balancers use. */
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/** Piece of a model file held in memory per download. */
export const FILE_READ_BYTES = 262_144;

/** Largest file of the site that is compressed and kept in memory; larger ones do not belong in it. */
export const MAX_SITE_FILE_BYTES = 32 * 1_048_576;

/** Files of the built site; a folder with more is not one. */
export const MAX_SITE_FILES = 2_000;

/** Wait before a contributor that died is started again; doubles up to the maximum. */
export const CONTRIBUTOR_RESTART_MS = 1_000;
export const CONTRIBUTOR_RESTART_MAX_MS = 60_000;

/** A contributor that ran this long had a good start: the wait begins anew. */
export const CONTRIBUTOR_STEADY_MS = 60_000;

/** Longest line of a contributor's output that is logged. */
export const MAX_CHILD_LINE_CHARS = 4_000;

/** Files of one model's compiled package: some hundred shards in practice. */
export const MAX_PACKAGE_FILES = 4_096;

/** Addresses of one `X-Forwarded-For` that are looked at: more proxies than that stand in front of nothing. */
export const MAX_FORWARDED_ADDRESSES = 16;

/** Largest list of models of an operator: a thousand entries in a tenth of it. */
export const MAX_CATALOG_FILE_BYTES = 4 * 1_048_576;

/** Longest that a manifest named by an address may take at the start. */
export const CATALOG_FETCH_TIMEOUT_MS = 15_000;

/** How long it is believed which models can be answered with: finding out plans a route for each. */
export const READY_MODELS_MS = 1_000;

/** Models, and relays of other regions, that one error message names. */
export const MAX_NAMED_MODELS = 6;
export const MAX_NAMED_RELAYS = 3;

/** Answers whose ends are remembered to tell how fast places become free, and for how long. */
export const MAX_REMEMBERED_ENDS = 128;
export const ENDS_WINDOW_MS = 60_000;

/** `Retry-After` of a full relay: at least and at most, and as long as nothing was measured. */
export const MIN_RETRY_SECONDS = 1;
export const MAX_RETRY_SECONDS = 30;
export const DEFAULT_RETRY_SECONDS = 2;
