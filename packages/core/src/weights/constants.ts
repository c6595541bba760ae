/** One libp2p stream per pair of peers and model: who wants chunks opens it to who has some. */
export const WEIGHTS_PROTOCOL = '/opengateway/weights/1.0.0';

/** Chunks of one model that peers exchange: 1 TiB, in a have-list of 128 KiB. */
export const MAX_MODEL_CHUNKS = 1_048_576;

/** Largest have-list, with the names around it. */
export const MAX_HAVE_BYTES = MAX_MODEL_CHUNKS / 8 + 64;

/** Largest message of who wants chunks: a manifest's hash. */
export const MAX_WANT_BYTES = 256;

/** Chunks named in one `added`. */
export const MAX_ADDED_CHUNKS = 256;

/** Payload of one `piece`: four WebRTC messages, so that a slow way is shared evenly. */
export const PIECE_BYTES = 65_536;

/**
 * Chunks asked of one peer and not answered yet. A data channel cannot hold its sender back, so who asks does: no
 * more than this is ever on its way, which is what is read ahead: nothing of it is left unread in the stream.
 */
export const MAX_WANTS_PER_PEER = 3;

/** Bytes held of a stream before it is paused: all that was asked for. */
export const READ_AHEAD_BYTES = (MAX_WANTS_PER_PEER + 1) * 1_048_576;

/** Times a peer may ask for what is not there before it is cut off: have-lists are kept up to date. */
export const MAX_REFUSALS_PER_STREAM = 1_024;

/** Peers asked at once for one model's chunks. */
export const MAX_SOURCES = 12;

/** Chunks on their way from all sources together, those that wait to be kept included. */
export const MAX_CHUNKS_UNDER_WAY = 16;

/** Chunks whole in memory and not kept yet, from which on no more are asked for: a kill loses them. */
export const MAX_UNKEPT_CHUNKS = 3;

/** Chunks asked of the server at once: it is shared by all. */
export const MAX_SERVER_REQUESTS = 4;

/** Emptied chunk buffers kept for the next ones. */
export const MAX_SPARE_BUFFERS = 8;

/** Models whose chunks this device exchanges at once. */
export const MAX_EXCHANGED_MODELS = 8;

/** Peers that may have a stream open to get chunks from this one; for a newcomer the one idle longest goes. */
export const MAX_UPLOAD_STREAMS = 16;

/** How long such a stream is left alone though it asks for nothing, while others want its place. */
export const IDLE_UPLOAD_MS = 10_000;

/** Chunks held in memory to be sent; with their turns more peers are served. */
export const MAX_UPLOADS_AT_ONCE = 6;

/** What is sent to peers, all together, unless the person says otherwise: 17 Mbit/s. */
export const DEFAULT_UPLOAD_BYTES_PER_SECOND = 2_097_152;

/** What may be sent at once after a pause, in time: timers of hidden tabs come once a second. */
export const UPLOAD_BURST_MS = 1_000;

/** A peer that takes nothing of what it asked for this long loses its stream. */
export const STALLED_READER_MS = 20_000;

/** From stream to first message, each way. */
export const FIRST_WORD_MS = 10_000;

/** A peer that was asked and sends nothing for this long is left. */
export const SILENT_SOURCE_MS = 15_000;

/** A chunk that takes longer is asked of another source that has it. */
export const SLOW_CHUNK_MS = 30_000;

/** How long a peer that was left, was full or could not be reached is not asked again; doubled a few times. */
export const SOURCE_RETRY_MS = 10_000;
export const MAX_SOURCE_DOUBLINGS = 3;

/** Peers remembered as not to be asked again, or not yet. */
export const MAX_REMEMBERED_SOURCES = 1_024;

/** How long peers that are known get to tell what they have before the server is asked. */
export const PEERS_FIRST_MS = 3_000;

/** Peers that together are slower than this get the server's help, after the time below: nobody waits an hour for it. */
export const SLOW_PEERS_BYTES_PER_SECOND = 4_194_304;
export const SLOW_PEERS_AFTER_MS = 5_000;

/** First wait after the server failed; doubled up to the bound. */
export const SERVER_RETRY_MS = 5_000;
export const MAX_SERVER_RETRY_MS = 60_000;

/** How often waits are looked at. */
export const TICK_MS = 1_000;

/** Without any source for this long a download says so: three adverts' time. */
export const NO_SOURCE_MS = 30_000;

/** Time over which speeds are measured. */
export const RATE_WINDOW_MS = 5_000;

/** Peers whose bytes are counted each for itself. */
export const MAX_LEDGER_PEERS = 1_024;
