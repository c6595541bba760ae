/** Tokens of the prompt that prefill is measured on, and of the answer that decode is measured on. */
export const PREFILL_TOKENS = 256;
export const DECODE_TOKENS = 64;
/** Sequences computed at once in the batched figures. */
export const BATCH = 4;
/** Measurements of each figure; engines compared take turns, and the median counts. */
export const ROUNDS = 3;
export const MODEL_PATH = 'models/smollm2-135m-instruct';
