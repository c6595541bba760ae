/** Most tokens of one `forward`: sizes the activations' scratch; prefill gains nothing from more. */
export const MAX_BATCH_TOKENS = 128;

/** Cache room unless told otherwise: 256 MiB, some 11,600 positions of a 135M model in half precision. */
export const DEFAULT_KV_BUDGET_BYTES = 256 * 2 ** 20;

export const DEFAULT_MAX_SEQUENCES = 8;

/** Beyond this, taking turns at chunks of a small model's matrices costs more than another thread gives. */
export const MAX_THREADS = 16;
