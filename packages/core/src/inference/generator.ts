import type { SamplingParameters, TokenLogprobs } from '../generation/sampling.ts';
import type { ManifestHash } from '../ids.ts';

/** One sequence to continue on one stage that holds the whole model. */
export interface GenerateRequest {
  /** The model, for who computes several. @default the one that is loaded, or was first */
  readonly manifest?: ManifestHash;
  /** Prompt and, after a failover, the tokens already given. */
  readonly tokens: readonly number[];
  /** How many of `tokens` are prompt: penalties on the answer start after them. */
  readonly promptTokenCount: number;
  /** Most new tokens to make in this call. */
  readonly maxTokens: number;
  /** Tokens that end the answer; the one that did is reported in `end`, never as `token`. */
  readonly endTokens: readonly number[];
  readonly sampling: SamplingParameters;
}

export interface StageTiming {
  /** Waiting for a place. */
  readonly queuedMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

/** What a stage says while it works, in this order: progress*, token*, end. */
export type GenerateEvent =
  /**
   * Sent when accepted, after every prefill chunk, and at least every `HEARTBEAT_MS` of waiting. `queued` counts
   * requests: `done` are ahead (0: this one is next) of `total` that wait; `prefill` counts tokens.
   */
  | { readonly type: 'progress'; readonly state: 'queued' | 'prefill'; readonly done: number; readonly total: number }
  | { readonly type: 'token'; readonly token: number; readonly logprobs?: TokenLogprobs }
  | { readonly type: 'end'; readonly reason: 'stop' | 'length'; readonly timing: StageTiming };

/**
 * Computes answers on this device: the engine worker's page side, or a fake in tests.
 *
 * The iterable is pulled: a consumer that stops pulling stops the sequence after a bounded number of
 * tokens. Aborting the signal frees the sequence before the engine's next step.
 *
 * @throws (from the iterator) `engine_busy` (retryable), `context_length_exceeded`, `kv_cache_full`
 * (retryable), `engine_failed` (retryable elsewhere), or the signal's reason.
 */
export interface Generator {
  generate(request: GenerateRequest, options: { signal: AbortSignal }): AsyncIterable<GenerateEvent>;
}

/** Longest silence of a living stage while it works, in milliseconds. */
export const HEARTBEAT_MS = 1_000;
