/** Largest request body read; OpenAI's own limit is higher, but a context of 128k tokens fits. */
export const MAX_REQUEST_BODY_BYTES = 1_048_576;

/** Answers to one request: each holds a place of its own on a contributor. */
export const MAX_CHOICES = 8;

/** OpenAI's limits on `metadata`. */
export const MAX_METADATA_ENTRIES = 16;
export const MAX_METADATA_VALUE_CHARS = 512;

/** Longest label taken in `user` and its like, in UTF-16 units. */
export const MAX_LABEL_CHARS = 512;

/** Least nucleus: what `top_p: 0` means, since the mass kept must be above zero. */
export const MIN_TOP_P = 1e-6;

/** Longest part of a client's own value that an error message repeats. */
export const MAX_ECHO_CHARS = 60;
