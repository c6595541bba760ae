/** Most tokens of an answer whose request names no limit. */
export const DEFAULT_MAX_TOKENS = 1_024;
