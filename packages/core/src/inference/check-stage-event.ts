import { ProtocolViolationError } from './errors.ts';
import type { GenerateRequest } from './generator.ts';
import type { StageEvent } from './stage-session.ts';

export interface StageEventContext {
  readonly request: GenerateRequest;
  readonly vocabularySize: number;
  /** Whether the stage said `accepted` before. */
  readonly accepted: boolean;
  /** Whether it ends the chain, or is the only one, and has not said `end` yet. */
  readonly makesTokens: boolean;
  readonly tokensLeft: number;
  /** Positions the stage said to have computed; undefined for who is no stage of a chain: there it counts otherwise. */
  readonly doneBefore: number | undefined;
}

/** What a stage says, in its order and within what was asked. @throws `protocol_violation` */
export function checkStageEvent(event: StageEvent, context: StageEventContext): void {
  const { accepted, makesTokens, tokensLeft } = context;
  if (accepted === (event.type === 'accepted')) throw new ProtocolViolationError(`Unexpected ${event.type}.`);
  if ((event.type === 'token' || event.type === 'end') && !makesTokens) {
    throw new ProtocolViolationError('Only the last stage makes tokens, until it says that it ends.');
  }
  if (event.type === 'end' && event.reason === 'length' && tokensLeft > 0) {
    throw new ProtocolViolationError('Fewer tokens than asked for.');
  }
  if (event.type === 'progress') checkProgress(event.done, context);
  if (event.type === 'summary') throw new ProtocolViolationError('Nobody asked for a summary.');
  if (event.type !== 'token') return;
  if (tokensLeft <= 0) throw new ProtocolViolationError('More tokens than asked for.');
  checkToken(event, context);
}

/** Positions only grow, up to the last that was asked for. */
function checkProgress(done: number, { request, doneBefore }: StageEventContext): void {
  if (doneBefore === undefined) return;
  if (done < doneBefore) throw new ProtocolViolationError('Fewer positions computed than before.');
  if (done > request.tokens.length + request.maxTokens) {
    throw new ProtocolViolationError('More positions computed than there are.');
  }
}

/** A token outside the vocabulary, or with more or less about it than was asked for, is the sender's fault. */
function checkToken(
  { token, logprobs }: Extract<StageEvent, { type: 'token' }>,
  { request, vocabularySize }: Pick<StageEventContext, 'request' | 'vocabularySize'>,
): void {
  const { topLogprobs } = request.sampling;
  const isToken = (id: number) => Number.isInteger(id) && id >= 0 && id < vocabularySize;
  if (!isToken(token)) throw new ProtocolViolationError('A token outside the vocabulary.');
  if ((logprobs === undefined) !== (topLogprobs === null)) {
    throw new ProtocolViolationError('Log-probabilities that were not asked for, or none that were.');
  }
  if (logprobs === undefined) return;
  if (logprobs.top.length > (topLogprobs ?? 0) || !logprobs.top.every((entry) => isToken(entry.token))) {
    throw new ProtocolViolationError('Log-probabilities of tokens that were not asked for.');
  }
}
