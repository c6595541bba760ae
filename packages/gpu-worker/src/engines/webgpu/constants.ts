/** Most tokens of one `forward`: sizes the activations; a prefill of 128 keeps any GPU busy. */
export const MAX_BATCH_TOKENS = 128;

/** Cache room unless told otherwise: 256 MiB, taken when the engine is made. */
export const DEFAULT_KV_BUDGET_BYTES = 256 * 2 ** 20;

export const DEFAULT_MAX_SEQUENCES = 8;

/** Positions per page of the cache; attention sums page by page. */
export const PAGE_POSITIONS = 32;

/** Bytes of a tensor read and uploaded at once: bounds what loading needs beside the weights. */
export const UPLOAD_BYTES = 2 ** 20;

/** Most (token, logit) pairs of a `top-k` output: more than any client's top_logprobs, 520 bytes read back. */
export const TOP_K = 64;

/** Columns per block of every weight format here; shorter rows are padded with zeros. */
export const BLOCK_COLUMNS = 32;

/** Most pieces that a row of weights is summed in: the threads that share a row in decode. */
export const MAX_SEGMENTS = 16;

/** Bytes of workgroup memory that staged activations should keep to, so that several groups fit a core. */
export const STAGE_BYTES = 8192;

/** Steps of the largest batch that a matrix-vector kernel takes at once. */
export const MATVEC_TOKENS = [1, 2, 4] as const;

/** Largest storage binding asked of an adapter: 4 GiB less what an offset of 32 bits could overflow. */
export const MAX_BINDING_BYTES = 2 ** 32 - 4;

/** Most bytes of readback buffers kept for the next forward. */
export const MAX_POOLED_READBACK_BYTES = 64 * 2 ** 20;

/** Reported failures kept; the first say what happened. */
export const MAX_KEPT_FAULTS = 8;
