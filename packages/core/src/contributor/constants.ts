import { MAX_SERVED_MODELS } from '../membership/advert.ts';

/** How often the engine is asked for its rate while it answers. */
export const STATS_INTERVAL_MS = 1_000;

/** How long the engine may take to free itself before it is left behind. */
export const UNLOAD_TIMEOUT_MS = 10_000;

/** Least time between two snapshots of a load, for pages that draw each one. */
export const LOADING_SNAPSHOT_GAP_MS = 100;

/** Wait before the first restart; doubled after each failure. A lost GPU is usually back within a second. */
export const FIRST_RESTART_DELAY_MS = 1_000;

/** Longest wait before a restart: with load and self-test a device is back well within 30 s. */
export const LONGEST_RESTART_DELAY_MS = 15_000;

/** Part of a wait that chance takes off: tabs that lost the same relay do not all come back at once. */
export const RESTART_JITTER = 0.5;

/** Engine failures in a row before the CPU engine takes over, and of that one before it is given up. */
export const MAX_QUICK_FAILURES = 3;

/** An engine that served this long before it failed is not failing in a row. */
export const STEADY_RUN_MS = 120_000;

/** Least share of the device that can be lent: below it a waiting answer would look dead. */
export const MIN_SHARE = 0.1;

/** Whoever just joined has heard of every living peer after this: one advert's interval and a little. */
export const SWARM_HEARING_MS = 11_000;

/** How often a part is compared with what the swarm lacks; spread by half, so that peers do not move at once. */
export const RECONSIDER_INTERVAL_MS = 60_000;

/** Cache counted against the pledge where its size is left to the engine: its default. */
export const ASSUMED_KV_BUDGET_BYTES = 256 * 2 ** 20;

/** Models of one contributor, the first included: what an advert has room for. */
export const MAX_HELD_MODELS = MAX_SERVED_MODELS;

/** Memory for models where none was pledged; one that needs more has all of it to itself. */
export const DEFAULT_MODELS_MEMORY_BYTES = 2 ** 30;

/** How long a model stays in memory, whoever asks for another: loading takes seconds, and serves nobody. */
export const MIN_MEMORY_STAY_MS = 30_000;

/** How long a model that was asked for in vain has a claim: whoever waits asks every second. */
export const CLAIM_MS = 3_000;

/** Requests that wait for one model to be loaded; the others are sent elsewhere. */
export const MAX_LOAD_WAITERS = 32;

/** How long they wait: coordinators give a queue that does not move 60 s, and may come again. */
export const LOAD_PATIENCE_MS = 50_000;

/** How long a model that could not be loaded is not offered. */
export const FAILED_LOAD_PAUSE_MS = 60_000;

/** Wait before models whose weights could not be had are tried again. */
export const FETCH_RETRY_MS = 60_000;
