/** How often the engine is asked for its rate while it answers. */
export const STATS_INTERVAL_MS = 1_000;

/** How long the engine may take to free itself before it is left behind. */
export const UNLOAD_TIMEOUT_MS = 10_000;

/** Least time between two snapshots of a load, for pages that draw each one. */
export const LOADING_SNAPSHOT_GAP_MS = 100;
