/** By which a relay says what it is: one message, from the relay. */
export const RELAY_PROTOCOL = '/opengateway/relay/1.0.0';

export const MAX_DESCRIPTION_BYTES = 16_384;
/** Models named in a description, those of the smaller tiers last. */
export const MAX_DESCRIBED_MODELS = 128;
/** Asking a relay what it is, over a connection that stands. */
export const DESCRIBE_TIMEOUT_MS = 5_000;
export const MAX_DESCRIBE_STREAMS = 4;

export const DHT_PROTOCOL = '/opengateway/kad/1.0.0';
/** Records a relay keeps for others: strangers may write as many as they like, whoever has most makes room. */
export const MAX_DHT_RECORDS = 16_384;
/** Of one provider: its region, the models it serves, and some that it served until a moment ago. */
export const MAX_RECORDS_PER_PROVIDER = 80;
/** What is not announced again by then is forgotten: two announcements may be lost. */
export const DHT_RECORD_AGE_MS = 900_000;
/** A record's name and its content, which is a time. */
export const MAX_DHT_KEY_CHARS = 256;
export const MAX_DHT_VALUE_BYTES = 64;
/** Addresses of one relay that are remembered and told on by way of the DHT, and the bytes of one. */
export const MAX_DHT_ADDRESSES = 8;
export const MAX_DHT_ADDRESS_BYTES = 448;
/** All that one stream may ask; a node opens one for every request. */
export const MAX_DHT_REQUEST_BYTES = 16_384;
/** All that one stream may answer: relays of a key and 20 nearer ones, each with all its addresses. */
export const MAX_DHT_ANSWER_BYTES = 262_144;
/** Relays heard of in answers whose addresses are remembered for the look-up that goes on to them. */
export const MAX_HEARSAY_RELAYS = 1_024;
/** One look-up or announcement. */
export const DHT_QUERY_TIMEOUT_MS = 8_000;
/** One question to one relay within it, its dial included: a silent one holds up nobody for longer. */
export const DHT_REQUEST_TIMEOUT_MS = 2_000;
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
/** The same with all its links, in search of relays that come before one of those. */
export const RELAY_REVIEW_INTERVAL_MS = 600_000;
/** Between two looks at whether the slot at a linked relay still stands. */
export const SLOT_CHECK_INTERVAL_MS = 30_000;
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
