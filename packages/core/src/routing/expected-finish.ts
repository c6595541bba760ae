import type { ServedModel } from '../membership/advert.ts';
import {
  EXPECTED_ANSWER_TOKENS,
  UNMEASURED_DECODE_TOKENS_PER_SECOND,
  UNMEASURED_PREFILL_TOKENS_PER_SECOND,
} from './constants.ts';

export interface FinishInput {
  readonly served: ServedModel;
  /** Sessions this coordinator opened there less those that ended since the advert was made. */
  readonly unseenSessions: number;
  readonly promptTokens: number;
  readonly maxTokens: number;
  readonly rttMs: number;
}

/**
 * Milliseconds until a peer is expected to have finished a request: round trip, queue, prefill, decode.
 *
 * Decode rate is shared among the sequences computed beside it. A request that has to queue waits for its
 * share of rounds of `slots` sequences each, taken to be as long as this request itself.
 */
export function expectedFinishMs(input: FinishInput): number {
  const { served, promptTokens, rttMs } = input;
  const slots = Math.max(1, served.slots);
  const ahead = sequencesAhead(input);
  const sharing = Math.min(slots, ahead + 1);
  const prefillRate = served.prefillTokensPerSecond || UNMEASURED_PREFILL_TOKENS_PER_SECOND;
  const decodeRate = served.decodeTokensPerSecond || UNMEASURED_DECODE_TOKENS_PER_SECOND;
  const answerTokens = Math.min(input.maxTokens, EXPECTED_ANSWER_TOKENS);
  const workMs = (promptTokens / prefillRate + (answerTokens * sharing) / decodeRate) * 1_000;
  const rounds = Math.max(0, ahead + 1 - slots) / slots;
  return rttMs + workMs * (1 + rounds);
}

/** Sequences running or waiting there now, as far as this coordinator can know. */
function sequencesAhead({ served, unseenSessions }: Pick<FinishInput, 'served' | 'unseenSessions'>): number {
  const busy = Math.max(0, served.slots - served.freeSlots);
  return Math.max(0, busy + served.queued + unseenSessions);
}
