/** Tokens taken before the consumer's side grants them again: a message per token would double the traffic. */
export const CREDIT_GRANT_TOKENS = 8;

/** The same for events of a sequence on part of a model, of which few are under way at once. */
export const CREDIT_GRANT_LAYER_EVENTS = 2;

/** Least time between two progress messages of a load. */
export const PROGRESS_INTERVAL_MS = 100;

/** @default for a load that names no budget. */
export const DEFAULT_KV_BUDGET_BYTES = 256 * 1024 * 1024;
export const DEFAULT_MAX_SEQUENCES = 8;

/** What each half of the self-test may take; together with one step of either it stays under a second. */
export const SELF_TEST_DECODE_MS = 200;
export const SELF_TEST_PREFILL_MS = 300;
export const SELF_TEST_MAX_DECODE_TOKENS = 24;
export const SELF_TEST_MAX_PREFILL_TOKENS = 64;
