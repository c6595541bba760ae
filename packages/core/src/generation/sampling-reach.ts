import { MIN_TEMPERATURE } from './sampler.ts';
import type { SamplingParameters } from './sampling.ts';

/**
 * How many of the highest logits decide the choice: 1 where it is greedy, `topK` where that limits it, Infinity where
 * penalties, a bias or log-probabilities need the whole row.
 */
export function samplingReach(parameters: SamplingParameters): number {
  const { temperature, topK, logitBias, topLogprobs, frequencyPenalty, presencePenalty, repetitionPenalty } =
    parameters;
  const adjusts = frequencyPenalty !== 0 || presencePenalty !== 0 || repetitionPenalty !== 1 || logitBias.length > 0;
  if (adjusts || topLogprobs !== null) return Number.POSITIVE_INFINITY;
  if (!(temperature >= MIN_TEMPERATURE)) return 1;
  return topK > 0 ? topK : Number.POSITIVE_INFINITY;
}
