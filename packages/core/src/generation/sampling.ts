/**
 * How the next token is chosen. All optional at the edge; engines and the wire carry it resolved.
 *
 * Order of application: logit_bias, penalties, temperature, top_k, top_p, min_p, then Gumbel-max with
 * noise that depends on (seed, position, token) alone, so that any stage or restart with equal logits
 * chooses the same token.
 */
export interface SamplingParameters {
  /** 0 means greedy. @default 1 */
  readonly temperature: number;
  /** Nucleus mass in (0, 1]. @default 1 */
  readonly topP: number;
  /** Candidates kept; 0 keeps all. @default 0 */
  readonly topK: number;
  /** Least probability relative to the best, in [0, 1]. @default 0 */
  readonly minP: number;
  /** Per earlier occurrence in the answer, -2 to 2. @default 0 */
  readonly frequencyPenalty: number;
  /** Once for any occurrence in the answer, -2 to 2. @default 0 */
  readonly presencePenalty: number;
  /** Divides (or multiplies) logits of tokens in prompt or answer, 0.01 to 100; 1 is off. @default 1 */
  readonly repetitionPenalty: number;
  /** Added to a token's logit, -100 to 100; at most `MAX_LOGIT_BIAS_ENTRIES`. */
  readonly logitBias: readonly (readonly [token: number, bias: number])[];
  /** Unsigned 32 bits. Always set: a coordinator draws one where the client gave none. */
  readonly seed: number;
  /** Alternatives reported per token, 0 to 20; null reports nothing. */
  readonly topLogprobs: number | null;
}

/** Repetition penalties that leave every logit finite. */
export const MIN_REPETITION_PENALTY = 0.01;
export const MAX_REPETITION_PENALTY = 100;

export const MAX_LOGIT_BIAS_ENTRIES = 300;
export const MAX_TOP_LOGPROBS = 20;

export const DEFAULT_SAMPLING: Omit<SamplingParameters, 'seed'> = {
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repetitionPenalty: 1,
  logitBias: [],
  topLogprobs: null,
};

/** Natural-log probabilities under the model's own distribution (before temperature and penalties). */
export interface TokenLogprobs {
  readonly logprob: number;
  /** Best first, at most `topLogprobs` entries. */
  readonly top: readonly { readonly token: number; readonly logprob: number }[];
}
