/** Folder of the browser's origin-private file system that holds weights. */
export const OPFS_FOLDER = 'opengateway-weights';

/** Of the quota, left to the browser's records and to files that are open: Chromium counts each as 1 MiB at least. */
export const OPFS_SPARE_BYTES = 3 * 2 ** 20;

/** Times a chunk is asked of each address before it counts as unavailable. */
export const MAX_FETCH_ATTEMPTS = 4;

/** Wait before the second attempt in milliseconds; doubled before each further one. */
export const FIRST_RETRY_DELAY_MS = 250;

/** Longest one attempt at a 1 MiB chunk may take in milliseconds: 140 kbit/s. */
export const FETCH_ATTEMPT_TIMEOUT_MS = 60_000;
