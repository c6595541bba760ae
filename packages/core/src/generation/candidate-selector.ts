import { exponential } from './exact-math.ts';

const BUCKETS = 8192;
/** Distance from the best beyond which all tokens share the last bucket; e ** -40 of it does not count in double precision. */
const BUCKETED_RANGE = 40;
/** Weights below e ** -50 cannot change a sum of at least 1 in double precision. */
const NEGLIGIBLE_EXPONENT = -50;

/**
 * Finds the tokens top_k and top_p keep without sorting the vocabulary: tokens are counted (or weighed)
 * in buckets by their distance from the best, and only the bucket in which the limit falls is sorted.
 * Equal logits are kept in order of token id.
 */
export class CandidateSelector {
  /** The kept tokens; the first `count` entries, in no particular order. */
  readonly tokens: Int32Array;
  count = 0;
  readonly #amounts = new Float64Array(BUCKETS);

  constructor(vocabularySize: number) {
    this.tokens = new Int32Array(vocabularySize);
  }

  /** Keeps the `k` highest logits. `maximum` is the highest logit. */
  selectTopK(logits: Float32Array, maximum: number, k: number): void {
    const amounts = this.#amounts.fill(0);
    const scale = BUCKETS / BUCKETED_RANGE;
    for (let token = 0; token < logits.length; token += 1) {
      const bucket = bucketOf((maximum - (logits[token] as number)) * scale);
      amounts[bucket] = (amounts[bucket] as number) + 1;
    }
    let limit = 0;
    let above = 0;
    while (limit < BUCKETS - 1 && above + (amounts[limit] as number) < k) above += amounts[limit++] as number;
    const boundary = this.#gather(logits, maximum, scale, limit);
    sortByLogit(this.tokens.subarray(this.count, boundary), logits);
    this.count = Math.min(k, boundary);
  }

  /** Keeps the most probable tokens of the whole vocabulary until their mass reaches `topP`. */
  selectTopP(logits: Float32Array, maximum: number, inverseTemperature: number, topP: number): void {
    const amounts = this.#amounts.fill(0);
    const scale = (BUCKETS / BUCKETED_RANGE) * inverseTemperature;
    for (let token = 0; token < logits.length; token += 1) {
      const distance = maximum - (logits[token] as number);
      const exponent = -distance * inverseTemperature;
      if (!(exponent > NEGLIGIBLE_EXPONENT)) continue;
      const bucket = bucketOf(distance * scale);
      amounts[bucket] = (amounts[bucket] as number) + exponential(exponent);
    }
    let total = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) total += amounts[bucket] as number;
    const wanted = total * topP;
    let limit = 0;
    let mass = 0;
    while (limit < BUCKETS - 1 && mass + (amounts[limit] as number) < wanted) mass += amounts[limit++] as number;
    const boundary = this.#gather(logits, maximum, scale, limit);
    sortByLogit(this.tokens.subarray(this.count, boundary), logits);
    this.#takeUntil(logits, maximum, inverseTemperature, boundary, mass, wanted);
  }

  /** Narrows the kept tokens to the most probable ones whose mass reaches `topP` of theirs. */
  narrowTopP(logits: Float32Array, maximum: number, inverseTemperature: number, topP: number): void {
    sortByLogit(this.tokens.subarray(0, this.count), logits);
    let total = 0;
    for (let i = 0; i < this.count; i += 1) {
      total += exponential(((logits[this.tokens[i] as number] as number) - maximum) * inverseTemperature);
    }
    const end = this.count;
    this.count = 0;
    this.#takeUntil(logits, maximum, inverseTemperature, end, 0, total * topP);
  }

  /** Puts tokens of buckets before `limit` first, then those of `limit`; returns the end of the latter. */
  #gather(logits: Float32Array, maximum: number, scale: number, limit: number): number {
    const { tokens } = this;
    let count = 0;
    let tail = tokens.length;
    for (let token = 0; token < logits.length; token += 1) {
      const bucket = bucketOf((maximum - (logits[token] as number)) * scale);
      if (bucket < limit) tokens[count++] = token;
      else if (bucket === limit) tokens[--tail] = token;
    }
    this.count = count;
    tokens.copyWithin(count, tail);
    return count + tokens.length - tail;
  }

  /** Extends the kept tokens over `[count, end)` until `mass` reaches `wanted`. */
  #takeUntil(
    logits: Float32Array,
    maximum: number,
    inverseTemperature: number,
    end: number,
    mass: number,
    wanted: number,
  ): void {
    let reached = mass;
    while (this.count < end && reached < wanted) {
      const logit = logits[this.tokens[this.count] as number] as number;
      reached += exponential((logit - maximum) * inverseTemperature);
      this.count += 1;
    }
  }
}

/** Monotone, so that a higher logit is never in a later bucket; what is not a number falls in the last. */
const bucketOf = (position: number): number => (position < BUCKETS - 1 ? position | 0 : BUCKETS - 1);

function sortByLogit(tokens: Int32Array, logits: Float32Array): void {
  if (tokens.length < 2) return;
  tokens.sort((a, b) => (logits[b] as number) - (logits[a] as number) || a - b);
}
