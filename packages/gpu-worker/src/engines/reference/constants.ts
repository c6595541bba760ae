/** Most tokens of one `forward`: bounds the working memory, of which the logits are the most. */
export const MAX_BATCH_TOKENS = 512;

/** Cache room unless told otherwise: 512 MiB, some 11,000 positions of a 135M model in float32. */
export const DEFAULT_KV_BUDGET_BYTES = 512 * 2 ** 20;

export const DEFAULT_MAX_SEQUENCES = 8;

/** Weights are read and decoded in pieces of about this many bytes. */
export const LOAD_PIECE_BYTES = 2 ** 20;
