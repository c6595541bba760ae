/** Longest wait for the first link to the relay. */
export const JOIN_TIMEOUT_MS = 15_000;
/** Prompts waiting for the tokenizer at once; a person asks one at a time. */
export const MAX_PENDING_PROMPTS = 16;
