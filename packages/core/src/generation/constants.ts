/** Largest vocabulary a tokenizer is built for; the largest published ones have 262,144 tokens. */
export const MAX_VOCABULARY_TOKENS = 1_048_576;

/** Most merge rules of a tokenizer. */
export const MAX_MERGES = 2_097_152;

/**
 * Longest pre-token, in bytes, that byte-pair merging sees whole; longer ones are cut there. Merging needs
 * a queue entry and some objects per byte, so a megabyte without a space would take hundreds of megabytes.
 * No word of any language comes near; where text is cut, a token or two may differ from the canonical ones.
 */
export const MAX_PRE_TOKEN_BYTES = 16_384;

/** Most stop strings of one request, as in OpenAI's API. */
export const MAX_STOP_SEQUENCES = 4;

/** Longest stop string in UTF-16 units. */
export const MAX_STOP_SEQUENCE_CHARS = 1_024;

/** Most messages of one conversation. */
export const MAX_MESSAGES = 4_096;

/** A prompt too long by more than this factor is not tokenized to its end; the error says "at least". */
export const COUNTED_CONTEXTS = 4;
