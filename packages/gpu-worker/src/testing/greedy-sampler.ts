import type { TokenSampler } from '../scheduler/types.ts';

/** Takes the largest logit, the lower token where two are equal. */
export const createGreedySampler = (): TokenSampler => ({
  sample(logits) {
    let token = 0;
    for (let index = 1; index < logits.length; index++) if (logits[index]! > logits[token]!) token = index;
    return { token };
  },
  accept() {},
});
