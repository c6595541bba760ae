/** Time between two looks at `/readyz` while the page is visible: a person notices within one sip of coffee. */
export const READINESS_INTERVAL_MS = 10_000;
/** Longest wait for `/bootstrap` or `/readyz` before the relay counts as unreachable. */
export const RELAY_TIMEOUT_MS = 8_000;
/** Waits between tries to reach the relay; the last one repeats. */
export const RETRY_DELAYS_MS = [2_000, 5_000, 10_000, 30_000] as const;
/** Largest `/bootstrap` document read, in bytes. */
export const MAX_BOOTSTRAP_BYTES = 1_048_576;
/** Largest route header read, in characters. */
export const MAX_ROUTE_HEADER_CHARS = 8_192;
/** Largest error body of the relay read, in bytes. */
export const MAX_ERROR_BODY_BYTES = 65_536;
/** Longest single event of a stream; longer ones end the answer with an error. */
export const MAX_EVENT_CHARS = 1_048_576;
/** Longest answer kept, in characters. */
export const MAX_ANSWER_CHARS = 1_000_000;
/** Longest prompt the composer takes, in characters. */
export const MAX_PROMPT_CHARS = 100_000;
/** A running answer is written to the store this often, so that a reload loses at most this much of it. */
export const ANSWER_SAVE_INTERVAL_MS = 250;
/** Text of a stream is put on the screen at most this often. */
export const ANSWER_PAINT_INTERVAL_MS = 40;
/** Longest title of a conversation, in characters. */
export const MAX_TITLE_CHARS = 120;
/** After joining, silence this long means that nobody serves: adverts come every 10 s. */
export const LISTENING_MS = 12_000;
/** Joins and leaves kept for the timeline. */
export const MAX_TIMELINE_EVENTS = 60;
/** Peers drawn in the picture; all of them are in the table. */
export const MAX_DRAWN_PEERS = 24;
/** Samples of tokens/s kept while serving: five minutes at one every two seconds. */
export const RATE_SAMPLES = 150;
export const RATE_SAMPLE_INTERVAL_MS = 2_000;
/** "Copied" stays on a button this long. */
export const COPIED_MS = 1_600;
/** Web Lock held by the one tab of a browser that lends the device. */
export const CONTRIBUTOR_LOCK = 'opengateway-contributor';
/** Channel over which tabs tell each other how lending goes; another version's messages are not for us. */
export const CONTRIBUTOR_CHANNEL = 'opengateway-contributor-1';
/** Longest wait for a measurement: a graphics driver may hang. */
export const MEASURE_TIMEOUT_MS = 8_000;
/** Prefix of the Web Lock held while an answer is being written. */
export const ANSWER_LOCK_PREFIX = 'opengateway-answer:';
/** Models held beside the one that is lent: an advert names at most eight. */
export const MAX_OTHER_MODELS = 7;
/** Samples over which what is given now is measured: six seconds of the page's clock. */
export const UPLOAD_RATE_SAMPLES = 4;
/** Most relays of a region that a refusal links to. */
export const MAX_LINKED_RELAYS = 3;
/** Most models that a refusal offers instead. */
export const MAX_OFFERED_MODELS = 3;
/** While a region is chosen, the relays known are asked for this often. */
export const RELAYS_REFRESH_MS = 5_000;
