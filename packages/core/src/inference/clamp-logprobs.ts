import type { TokenLogprobs } from '../generation/sampling.ts';
import { MIN_LOGPROB } from '../wire/limits.ts';

/** Log-probabilities of the vanishing and of rounding above certainty, as the schema has them. */
export const clampLogprobs = ({ logprob, top }: TokenLogprobs) => ({
  logprob: clampLogprob(logprob),
  top: top.map((entry) => ({ token: entry.token, logprob: clampLogprob(entry.logprob) })),
});

const clampLogprob = (value: number) => Math.min(0, Math.max(MIN_LOGPROB, value));
