import { MAX_RECONNECT_DELAY_MS, MIN_RECONNECT_DELAY_MS } from '../constants.ts';

/** Exponential, bounded, and spread over its upper half, so that a region does not come back in one instant. */
export function reconnectDelayMs(failures: number, random: number): number {
  const fullMs = Math.min(MIN_RECONNECT_DELAY_MS * 2 ** Math.min(failures, 16), MAX_RECONNECT_DELAY_MS);
  return fullMs / 2 + (fullMs / 2) * random;
}
