import { MAX_REPETITION_PENALTY, MIN_REPETITION_PENALTY } from './sampling.ts';
import type { SamplingParameters } from './sampling.ts';

/** Applies logit_bias and the three penalties to a copy of the logits, touching only the tokens concerned. */
export interface LogitAdjuster {
  /** The adjusted logits, valid until the next call; `logits` itself where nothing is to change. */
  apply(logits: Float32Array): Float32Array;
  /** Counts an answer token. */
  accept(token: number): void;
}

export function createLogitAdjuster(
  vocabularySize: number,
  parameters: SamplingParameters,
  promptTokens: readonly number[],
  answerTokens: readonly number[],
): LogitAdjuster {
  const { frequencyPenalty, presencePenalty, logitBias } = parameters;
  const repetitionPenalty = Math.min(
    Math.max(parameters.repetitionPenalty, MIN_REPETITION_PENALTY),
    MAX_REPETITION_PENALTY,
  );
  const countsAnswer = frequencyPenalty !== 0 || presencePenalty !== 0;
  const repeats = repetitionPenalty !== 1;
  if (!countsAnswer && !repeats && logitBias.length === 0) {
    return { apply: (logits) => logits, accept: () => undefined };
  }

  const adjusted = new Float32Array(vocabularySize);
  const answer = countsAnswer ? new TokenCounts(vocabularySize) : null;
  const seen = repeats ? new TokenCounts(vocabularySize) : null;
  for (const token of promptTokens) seen?.add(token);
  const accept = (token: number) => {
    seen?.add(token);
    answer?.add(token);
  };
  for (const token of answerTokens) accept(token);

  return {
    accept,
    apply(logits) {
      adjusted.set(logits);
      // A typed array ignores writes past its end, so an unknown token in logit_bias does nothing.
      for (const [token, bias] of logitBias) adjusted[token] = (adjusted[token] as number) + bias;
      if (seen !== null) {
        for (let i = 0; i < seen.distinct; i += 1) {
          const token = seen.tokens[i] as number;
          const logit = adjusted[token] as number;
          adjusted[token] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
        }
      }
      if (answer !== null) {
        for (let i = 0; i < answer.distinct; i += 1) {
          const token = answer.tokens[i] as number;
          const penalty = (answer.counts[token] as number) * frequencyPenalty + presencePenalty;
          adjusted[token] = (adjusted[token] as number) - penalty;
        }
      }
      return adjusted;
    },
  };
}

/** Occurrences of each token, and the distinct tokens in order of first occurrence. */
class TokenCounts {
  readonly counts: Uint32Array;
  readonly tokens: Int32Array;
  distinct = 0;

  constructor(vocabularySize: number) {
    this.counts = new Uint32Array(vocabularySize);
    this.tokens = new Int32Array(vocabularySize);
  }

  add(token: number): void {
    const count = this.counts[token];
    if (count === undefined) return;
    if (count === 0) this.tokens[this.distinct++] = token;
    this.counts[token] = count + 1;
  }
}
