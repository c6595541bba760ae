import { exponential, naturalLog } from './exact-math.ts';
import type { TokenLogprobs } from './sampling.ts';

/**
 * Log-probabilities of `token` and of the `count` most probable tokens under the model's own softmax.
 * Equal logits rank in order of token id.
 */
export function tokenLogprobs(logits: Float32Array, token: number, count: number): TokenLogprobs {
  const best: number[] = [];
  let maximum = Number.NEGATIVE_INFINITY;
  let worstKept = Number.NEGATIVE_INFINITY;
  for (let candidate = 0; candidate < logits.length; candidate += 1) {
    const logit = logits[candidate] as number;
    if (logit > maximum) maximum = logit;
    if (count === 0 || (best.length === count && !(logit > worstKept))) continue;
    if (best.length === count) best.pop();
    let place = best.length;
    while (place > 0 && (logits[best[place - 1] as number] as number) < logit) place -= 1;
    best.splice(place, 0, candidate);
    worstKept = logits[best.at(-1) as number] as number;
  }
  let sum = 0;
  for (let candidate = 0; candidate < logits.length; candidate += 1) {
    const exponent = (logits[candidate] as number) - maximum;
    if (exponent > -50) sum += exponential(exponent);
  }
  const logSum = maximum + naturalLog(sum);
  const logprobOf = (candidate: number) => (logits[candidate] as number) - logSum;
  return {
    logprob: logprobOf(token),
    top: best.map((candidate) => ({ token: candidate, logprob: logprobOf(candidate) })),
  };
}
