import type { ServedModel } from '../membership/advert.ts';
import {
  DISK_BYTES_PER_SECOND,
  EXPECTED_ANSWER_TOKENS,
  UNMEASURED_DECODE_TOKENS_PER_SECOND,
  UNMEASURED_PREFILL_TOKENS_PER_SECOND,
  UNTOLD_MODEL_BYTES,
} from './constants.ts';

/** A peer's offer and what this coordinator knows beyond it. */
export interface OccupiedPeer {
  readonly served: ServedModel;
  /** Sessions this coordinator opened there less those that ended since the advert was made. */
  readonly unseenSessions: number;
}

export interface FinishInput extends OccupiedPeer {
  readonly promptTokens: number;
  readonly maxTokens: number;
  readonly rttMs: number;
}

/**
 * Milliseconds until a peer is expected to have finished a request: round trip, load where it is on disk, queue,
 * prefill, decode.
 *
 * Decode rate is shared among the sequences computed beside it. A request that has to queue waits for its
 * share of rounds of `slots` sequences each, taken to be as long as this request itself.
 */
export function expectedFinishMs(input: FinishInput): number {
  const { served, promptTokens, maxTokens, rttMs } = input;
  const decodeMs = expectedAnswerTokens(maxTokens) * sharedTokenMs(input);
  return rttMs + expectedLoadMs(served) + (expectedPrefillMs(served, promptTokens) + decodeMs) * roundsBefore(input);
}

/** Milliseconds until a model that lies on disk there is in memory; 0 where it is already. */
export const expectedLoadMs = ({ stored, bytes = UNTOLD_MODEL_BYTES }: ServedModel): number =>
  stored === true ? (bytes / DISK_BYTES_PER_SECOND) * 1_000 : 0;

/** Milliseconds of computing one token there, beside the sequences that are there already, queue included. */
export const expectedTokenMs = (peer: OccupiedPeer): number => sharedTokenMs(peer) * roundsBefore(peer);

/** Milliseconds of computing a prompt there. */
export const expectedPrefillMs = ({ prefillTokensPerSecond }: ServedModel, promptTokens: number): number =>
  (promptTokens / (prefillTokensPerSecond || UNMEASURED_PREFILL_TOKENS_PER_SECOND)) * 1_000;

export const expectedAnswerTokens = (maxTokens: number): number => Math.min(maxTokens, EXPECTED_ANSWER_TOKENS);

/** Places free there now, as far as this coordinator can know; below 1 where it is full. */
export const freePlaces = ({ served, unseenSessions }: OccupiedPeer): number =>
  Math.min(served.slots, served.freeSlots - unseenSessions);

function sharedTokenMs(peer: OccupiedPeer): number {
  const sharing = Math.min(slotsOf(peer), sequencesAhead(peer) + 1);
  return (sharing * 1_000) / (peer.served.decodeTokensPerSecond || UNMEASURED_DECODE_TOKENS_PER_SECOND);
}

/** How many times longer everything takes because others are served first; 1 where there is a place. */
const roundsBefore = (peer: OccupiedPeer): number =>
  1 + Math.max(0, sequencesAhead(peer) + 1 - slotsOf(peer)) / slotsOf(peer);

const slotsOf = ({ served }: OccupiedPeer): number => Math.max(1, served.slots);

/** Sequences running or waiting there now, as far as this coordinator can know. */
function sequencesAhead({ served, unseenSessions }: OccupiedPeer): number {
  const busy = Math.max(0, served.slots - served.freeSlots);
  return Math.max(0, busy + served.queued + unseenSessions);
}
