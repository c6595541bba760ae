import type { ServedModel } from '../membership/advert.ts';
import { UNMEASURED_DECODE_TOKENS_PER_SECOND, UNMEASURED_PREFILL_TOKENS_PER_SECOND } from '../routing/constants.ts';
import {
  MAX_CAPACITY_WAIT_MS,
  MAX_PREFILL_ALLOWANCE_MS,
  MAX_TOKEN_ALLOWANCE_MS,
  MIN_PREFILL_ALLOWANCE_MS,
  MIN_TOKEN_ALLOWANCE_MS,
  MIN_TOKEN_GAP_ALLOWANCE_MS,
  PREFILL_ALLOWANCE_FACTOR,
  PREFILL_ALLOWANCES_IN_ALL,
  TOKEN_ALLOWANCE_FACTOR,
} from './constants.ts';
import type { StageEvent } from './stage-session.ts';

/** How long a stage may be waited for without getting anywhere, whatever it says meanwhile. */
export interface ProgressDeadline {
  /** Milliseconds of waiting left; 0 or less where the stage stands still. */
  leftMs(): number;
  /**
   * Notes what was said after a wait of `waitedMs`; undefined where it was another stage of the chain that spoke.
   * Time in which nobody waited for the stage does not count.
   */
  observe(event: StageEvent | undefined, waitedMs: number): void;
}

type Phase = 'queued' | 'prefill' | 'decode';

/**
 * Waiting in a queue is bounded in all. Prefill has an allowance that comes back whenever `done` grows, a few
 * times over; each token brings its own, so that the average gap between tokens is bounded too.
 */
export function createProgressDeadline(
  served: Pick<ServedModel, 'slots' | 'prefillTokensPerSecond' | 'decodeTokensPerSecond'>,
  promptTokens: number,
): ProgressDeadline {
  const slots = Math.max(1, served.slots);
  const prefillRate = served.prefillTokensPerSecond || UNMEASURED_PREFILL_TOKENS_PER_SECOND;
  const decodeRate = served.decodeTokensPerSecond || UNMEASURED_DECODE_TOKENS_PER_SECOND;
  const expectedPrefillMs = (1_000 * promptTokens * slots) / prefillRate;
  const prefillMs = clamp(
    PREFILL_ALLOWANCE_FACTOR * expectedPrefillMs,
    MIN_PREFILL_ALLOWANCE_MS,
    MAX_PREFILL_ALLOWANCE_MS,
  );
  const promisedGapMs = TOKEN_ALLOWANCE_FACTOR * ((1_000 * slots) / decodeRate);
  const tokensMs = clamp(promisedGapMs, MIN_TOKEN_ALLOWANCE_MS, MAX_TOKEN_ALLOWANCE_MS);
  const gapMs = clamp(promisedGapMs, MIN_TOKEN_GAP_ALLOWANCE_MS, MAX_TOKEN_ALLOWANCE_MS);

  let phase: Phase = 'queued';
  let done = 0;
  let queueLeftMs = MAX_CAPACITY_WAIT_MS;
  let prefillInAllMs = prefillMs * PREFILL_ALLOWANCES_IN_ALL;
  let prefillLeftMs = prefillMs;
  let tokensLeftMs = tokensMs;

  const spend = (waitedMs: number) => {
    if (phase === 'queued') queueLeftMs -= waitedMs;
    else if (phase === 'decode') tokensLeftMs -= waitedMs;
    else {
      prefillLeftMs -= waitedMs;
      prefillInAllMs -= waitedMs;
    }
  };
  return {
    leftMs() {
      if (phase === 'queued') return queueLeftMs;
      return phase === 'decode' ? tokensLeftMs : Math.min(prefillLeftMs, prefillInAllMs);
    },
    observe(event, waitedMs) {
      spend(waitedMs);
      if (event === undefined) return;
      if (event.type === 'token') {
        tokensLeftMs = phase === 'decode' ? Math.min(tokensMs, tokensLeftMs + gapMs) : tokensMs;
        phase = 'decode';
      } else if (event.type === 'progress' && phase !== 'decode') {
        // What a stage calls decoding before its first token is no progress either.
        phase = event.state === 'queued' ? 'queued' : 'prefill';
        const advanced = event.state === 'prefill' && event.done > done && event.done <= promptTokens;
        if (!advanced) return;
        done = event.done;
        prefillLeftMs = prefillMs;
      }
    },
  };
}

const clamp = (value: number, minimum: number, maximum: number) => Math.min(Math.max(value, minimum), maximum);
