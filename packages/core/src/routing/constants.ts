/** Rate assumed of a peer that measured none: slower than any real one, so that measured peers come first. */
export const UNMEASURED_DECODE_TOKENS_PER_SECOND = 2;
export const UNMEASURED_PREFILL_TOKENS_PER_SECOND = 4;

/** Answers are rarely as long as their limit: tokens an unknown answer is expected to have at most. */
export const EXPECTED_ANSWER_TOKENS = 256;

/** Round trip assumed of a connection that has not been measured yet. */
export const UNMEASURED_RTT_MS = 50;

/**
 * Rate at which a model on disk is expected to come into memory: read, checked against its hashes, laid out for the
 * engine and tested. Measured: SmolLM2 135M, 98 MB, in 0.9 to 1.1 s on two processors.
 */
export const DISK_BYTES_PER_SECOND = 100e6;

/** Assumed of a model on disk whose size is not said: larger than most, so that one that says it comes first. */
export const UNTOLD_MODEL_BYTES = 10e9;

/** Stages of one chain: each is another device that may leave in the middle of an answer. */
export const MAX_CHAIN_STAGES = 8;

/** Round trip of one hop beyond which a chain is no use: half of it is paid for every token. */
export const MAX_HOP_RTT_MS = 300;

/** Chains whose times per token differ by no more count as equal: then the one of fewer stages is taken. */
export const NEAR_EQUAL_SHARE = 0.1;

/** Peers among which the best chain is looked for: twelve for each stage of the longest. */
export const MAX_CHAIN_CANDIDATES = 96;
