/** Longest wait for the first link to the relay. */
export const JOIN_TIMEOUT_MS = 15_000;
/** Tokenizers kept open, each with a worker of its own: the model lent, and the one chatted with. */
export const MAX_TEXT_MODELS = 2;
