/** Longest wait for the first link to the relay. */
export const JOIN_TIMEOUT_MS = 15_000;
