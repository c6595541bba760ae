import { CandidateSelector } from './candidate-selector.ts';
import { InvalidLogitsError } from './errors.ts';
import { naturalLog } from './exact-math.ts';
import {
  GUMBEL_BOUND_SHIFT,
  GUMBEL_BOUNDS,
  gumbel,
  positionKey,
  secondPositionKey,
  tokenHash,
} from './gumbel-noise.ts';
import { createLogitAdjuster } from './logit-adjuster.ts';
import { tokenLogprobs } from './token-logprobs.ts';
import type { SamplingParameters, TokenLogprobs } from './sampling.ts';

export interface SamplerInit {
  readonly vocabularySize: number;
  readonly parameters: SamplingParameters;
  /** Tokens of the prompt: the repetition penalty counts them. */
  readonly promptTokens: readonly number[];
  /** Tokens of the answer so far, where one is resumed: all penalties count them. @default [] */
  readonly answerTokens?: readonly number[];
}

export interface SampledToken {
  readonly token: number;
  /** Present where `topLogprobs` is not null. */
  readonly logprobs?: TokenLogprobs;
}

export interface Sampler {
  /**
   * Chooses the token for `position`: the index it will have in prompt plus answer, counted from 0.
   *
   * `logits` has `vocabularySize` entries and is not changed. The choice depends on nothing but the
   * logits, the parameters, the position and the tokens accepted, so a resumed answer goes on the same.
   *
   * @throws InvalidLogitsError
   */
  sample(logits: Float32Array, position: number): SampledToken;
  /** Counts a token of the answer, whoever chose it. */
  accept(token: number): void;
}

/** Temperatures below this choose greedily: dividing by them could overflow. */
export const MIN_TEMPERATURE = 1e-5;

/**
 * A seeded sampler without state beyond the tokens it was told of.
 *
 * @example
 * const sampler = createSampler({ vocabularySize, parameters, promptTokens });
 * const { token } = sampler.sample(logits, promptTokens.length);
 * sampler.accept(token);
 */
export function createSampler(init: SamplerInit): Sampler {
  const { vocabularySize, parameters, promptTokens, answerTokens = [] } = init;
  const { temperature, topK, topP, minP, seed, topLogprobs } = parameters;
  const adjuster = createLogitAdjuster(vocabularySize, parameters, promptTokens, answerTokens);
  const greedy = !(temperature >= MIN_TEMPERATURE);
  const inverseTemperature = greedy ? 1 : 1 / temperature;
  const keepsK = topK > 0 && topK < vocabularySize;
  const keepsP = topP < 1;
  const selector = !greedy && (keepsK || keepsP) ? new CandidateSelector(vocabularySize) : null;
  const farthest = minP > 0 ? -naturalLog(minP) : Number.POSITIVE_INFINITY;

  const choose = (logits: Float32Array, position: number): number => {
    const best = indexOfMaximum(logits);
    if (best < 0) throw new InvalidLogitsError('the logits have no finite maximum');
    if (greedy) return best;
    const noise: NoiseSettings = {
      inverseTemperature,
      farthest,
      first: positionKey(seed, position),
      second: secondPositionKey(seed, position),
    };
    if (selector === null) return chooseFromAll(logits, best, noise);
    const maximum = logits[best] as number;
    if (keepsK) selector.selectTopK(logits, maximum, topK);
    if (keepsK && keepsP) selector.narrowTopP(logits, maximum, inverseTemperature, topP);
    else if (keepsP) selector.selectTopP(logits, maximum, inverseTemperature, topP);
    return chooseFrom(selector, logits, best, noise);
  };

  return {
    accept: (token) => adjuster.accept(token),
    sample(logits, position) {
      if (logits.length !== vocabularySize) {
        throw new InvalidLogitsError(`${logits.length} logits for a vocabulary of ${vocabularySize}`);
      }
      const token = choose(adjuster.apply(logits), position);
      return topLogprobs === null ? { token } : { token, logprobs: tokenLogprobs(logits, token, topLogprobs) };
    },
  };
}

/** The lowest index of the highest value; -1 where that is not finite. Values that are not numbers never win. */
function indexOfMaximum(values: Float32Array): number {
  const length = values.length;
  const unrolled = length - (length % 4);
  let maximum = -Infinity;
  let best = -1;
  for (let index = 0; index < unrolled; index += 4) {
    const a = values[index] as number;
    const b = values[index + 1] as number;
    const c = values[index + 2] as number;
    const d = values[index + 3] as number;
    if (a > maximum || b > maximum || c > maximum || d > maximum) {
      for (let i = index; i < index + 4; i += 1) {
        if ((values[i] as number) > maximum) {
          maximum = values[i] as number;
          best = i;
        }
      }
    }
  }
  for (let i = unrolled; i < length; i += 1) {
    if ((values[i] as number) > maximum) {
      maximum = values[i] as number;
      best = i;
    }
  }
  return maximum === Infinity ? -1 : best;
}

/**
 * Highest scaled logit plus noise over the vocabulary. The noise of a token is computed only if the top
 * bits of its hash allow it to win: for a dozen tokens of 50,000.
 */
function chooseFromAll(logits: Float32Array, best: number, settings: NoiseSettings): number {
  const bounds = GUMBEL_BOUNDS;
  const { inverseTemperature, farthest, first, second } = settings;
  const length = logits.length;
  const maximum = logits[best] as number;
  let chosen = best;
  let score = maximum * inverseTemperature + gumbel(tokenHash(first, second, best));
  for (let token = 0; token < length; token += 1) {
    const logit = logits[token] as number;
    const scaled = logit * inverseTemperature;
    const hash = tokenHash(first, second, token);
    if (scaled + (bounds[hash >>> GUMBEL_BOUND_SHIFT] as number) < score) continue;
    if (!((maximum - logit) * inverseTemperature <= farthest)) continue;
    const candidate = scaled + gumbel(hash);
    if (candidate > score || (candidate === score && token < chosen)) {
      score = candidate;
      chosen = token;
    }
  }
  return chosen;
}

/** The same over the tokens a selector kept. */
function chooseFrom(selector: CandidateSelector, logits: Float32Array, best: number, settings: NoiseSettings): number {
  const { inverseTemperature, farthest, first, second } = settings;
  const { tokens, count } = selector;
  const maximum = logits[best] as number;
  let chosen = best;
  let score = maximum * inverseTemperature + gumbel(tokenHash(first, second, best));
  for (let i = 0; i < count; i += 1) {
    const token = tokens[i] as number;
    const logit = logits[token] as number;
    const scaled = logit * inverseTemperature;
    const hash = tokenHash(first, second, token);
    if (scaled + (GUMBEL_BOUNDS[hash >>> GUMBEL_BOUND_SHIFT] as number) < score) continue;
    if (!((maximum - logit) * inverseTemperature <= farthest)) continue;
    const candidate = scaled + gumbel(hash);
    if (candidate > score || (candidate === score && token < chosen)) {
      score = candidate;
      chosen = token;
    }
  }
  return chosen;
}

interface NoiseSettings {
  readonly inverseTemperature: number;
  /** Greatest distance from the best, in scaled logits, that min_p keeps. */
  readonly farthest: number;
  /** Keys of the position. */
  readonly first: number;
  readonly second: number;
}
