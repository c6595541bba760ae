/** Rate assumed of a peer that measured none: slower than any real one, so that measured peers come first. */
export const UNMEASURED_DECODE_TOKENS_PER_SECOND = 2;
export const UNMEASURED_PREFILL_TOKENS_PER_SECOND = 4;

/** Answers are rarely as long as their limit: tokens an unknown answer is expected to have at most. */
export const EXPECTED_ANSWER_TOKENS = 256;

/** Round trip assumed of a connection that has not been measured yet. */
export const UNMEASURED_RTT_MS = 50;
