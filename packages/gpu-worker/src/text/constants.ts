/** Prompts that wait for the text worker; further ones are refused with `text_busy`. */
export const MAX_QUEUED_ENCODES = 64;

/** Characters of all prompts that wait, together: 64 MiB of memory at most. */
export const MAX_QUEUED_CHARS = 33_554_432;

/**
 * Longest a prompt may take to encode, in milliseconds. The slowest text that is not refused unread takes
 * a second; a chat template that never ends takes longer.
 */
export const MAX_ENCODE_MS = 15_000;

/** Longest the worker may take to start, fetch the tokenizer's chunks and build it. */
export const MAX_TEXT_LOAD_MS = 60_000;
