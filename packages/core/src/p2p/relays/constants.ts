/** By which a relay says what it is: one message, from the relay. */
export const RELAY_PROTOCOL = '/opengateway/relay/1.0.0';

export const MAX_DESCRIPTION_BYTES = 16_384;
/** Models named in a description, those of the smaller tiers last. */
export const MAX_DESCRIBED_MODELS = 128;
/** Asking a relay what it is, over a connection that stands. */
export const DESCRIBE_TIMEOUT_MS = 5_000;
export const MAX_DESCRIBE_STREAMS = 4;

export const DHT_PROTOCOL = '/opengateway/kad/1.0.0';
/** Records a relay keeps for others: strangers may write as many as they like, the oldest make room. */
export const MAX_DHT_RECORDS = 16_384;
/** One look-up or announcement. */
export const DHT_QUERY_TIMEOUT_MS = 8_000;
/** Streams of one connection. */
export const MAX_DHT_STREAMS = 16;
/** Relays taken from one look-up. */
export const MAX_FOUND_RELAYS = 32;

/** Relays of its region that a peer is linked to at once: one may be lost, and nobody notices. */
export const MAX_RELAY_LINKS = 3;
/** Relays dialled at once in search of links. */
export const MAX_RELAY_TRIES = 8;
/** Relays of the own region remembered, for when none is connected. */
export const MAX_REMEMBERED_RELAYS = 64;
/** Relays of other regions that are asked for those of the own one, when none of those answers. */
export const MAX_FOREIGN_VISITS = 3;
/** Between two searches of a peer that is linked to fewer relays than it could be, with jitter. */
export const RELAY_SEARCH_INTERVAL_MS = 120_000;
/** A relay that did not answer is left alone that long, as long as another one does. */
export const RELAY_RETRY_MS = 30_000;

/** Between two rounds in which a relay looks for others and asks those it knows. */
export const RELAY_ROUND_MS = 15_000;
/** The same while there is news, and while it knows nobody: it may have been started before them. */
export const FIRST_RELAY_ROUND_MS = 2_000;
/** Relays asked at once. */
export const MAX_ASKED_AT_ONCE = 8;
/** What a relay announces in the DHT is announced again. */
export const PROVIDE_INTERVAL_MS = 300_000;
/** Models a relay announces. */
export const MAX_PROVIDED_MODELS = 64;
/** Models looked up in the DHT, and how often. */
export const MAX_SOUGHT_MODELS = 64;
export const SEEK_INTERVAL_MS = 60_000;

/** Other relays known at once. */
export const MAX_KNOWN_OTHER_RELAYS = 64;

/** Longest address of a relay that is told to others. */
export const MAX_ADDRESS_CHARS = 448;
/** Names of relays remembered with a time: who answered, who did not. */
export const MAX_REMEMBERED_NAMES = 1_024;
/** A relay that was heard within that time is no news when it comes again. */
export const OLD_NEWS_MS = 600_000;
