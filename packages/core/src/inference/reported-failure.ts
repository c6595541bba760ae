import { OpenGatewayError } from '../errors.ts';
import type { WireError } from '../errors.ts';

const FULL = 'The peer is full.';
const REFUSED = 'The peer refuses this request.';
const DAMAGED = 'What one stage sent to the next was damaged.';
const STALLED = 'The answer was not read fast enough.';

/** Every code a peer may report, with what is said of it here. */
const SENTENCES: Readonly<Record<string, string>> = {
  bad_frame: DAMAGED,
  consumer_stalled: STALLED,
  context_length_exceeded: 'The peer says that the request is longer than its context.',
  engine_busy: FULL,
  invalid_generation: REFUSED,
  invalid_input: DAMAGED,
  invalid_logits: 'No token could be chosen with these sampling parameters.',
  kv_cache_full: FULL,
  malformed_message: REFUSED,
  message_too_large: REFUSED,
  model_not_served: 'The peer does not serve the model any more.',
  next_stage_lost: 'The next stage of the chain was lost.',
  previous_stage_lost: 'The stage before in the chain was lost.',
  protocol_violation: REFUSED,
  reader_stalled: STALLED,
  too_many_sequences: FULL,
};

/**
 * What a peer reported, in our own words: its text and codes that nobody knows are a stranger's and go no
 * further. An unknown code becomes `engine_failed`.
 */
export function reportedFailure({ code }: WireError): OpenGatewayError {
  const sentence = Object.hasOwn(SENTENCES, code) ? SENTENCES[code] : undefined;
  return sentence === undefined
    ? new OpenGatewayError('engine_failed', 'The peer failed to compute the answer.', { retryable: true })
    : new OpenGatewayError(code, sentence, { retryable: true });
}
