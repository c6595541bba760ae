import type { ServedModel } from '../membership/advert.ts';
import { MAX_SILENCE_TIMEOUT_MS, MIN_SILENCE_TIMEOUT_MS, SILENCE_FACTOR } from './constants.ts';
import { HEARTBEAT_MS } from './generator.ts';

/** How long a stage may be silent before it counts as lost, learnt from what it measured and how it behaved. */
export interface SilenceDeadline {
  timeoutMs(): number;
  /** Notes how long the last message was waited for. */
  observe(waitedMs: number): void;
}

export function createSilenceDeadline(served: ServedModel, rttMs: number): SilenceDeadline {
  const { decodeTokensPerSecond, slots } = served;
  const tokenGapMs = decodeTokensPerSecond > 0 ? (1_000 * Math.max(1, slots)) / decodeTokensPerSecond : 0;
  let longestGapMs = Math.max(HEARTBEAT_MS, tokenGapMs);
  return {
    timeoutMs: () =>
      Math.min(Math.max(SILENCE_FACTOR * longestGapMs, MIN_SILENCE_TIMEOUT_MS) + rttMs, MAX_SILENCE_TIMEOUT_MS),
    observe(waitedMs) {
      longestGapMs = Math.max(longestGapMs, waitedMs);
    },
  };
}
