/** Wait before the relay is asked again, in milliseconds; doubled after each failure. */
export const FIRST_BOOTSTRAP_RETRY_MS = 250;
export const LONGEST_BOOTSTRAP_RETRY_MS = 5_000;

/** Longest wait for a relay that is not up (yet), over all attempts. */
export const BOOTSTRAP_DEADLINE_MS = 60_000;

/** Longest one attempt may take. */
export const BOOTSTRAP_ATTEMPT_TIMEOUT_MS = 5_000;

/** Bytes of a bootstrap document: a thousand models with their names. */
export const MAX_BOOTSTRAP_BYTES = 4_194_304;

/** Longest orderly end; after it the process ends with running answers cut off (and continued elsewhere). */
export const SHUTDOWN_TIMEOUT_MS = 10_000;

/** Least time between two lines about a load. */
export const PROGRESS_LINE_INTERVAL_MS = 1_000;

/** The relay that `npm start` runs. */
export const DEFAULT_RELAY = 'http://127.0.0.1:8080';
