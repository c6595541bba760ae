import type { EngineKind, LayerRange, ModelArchitecture } from '@opengateway/core';

declare const sequenceBrand: unique symbol;
/** Handle of one sequence's KV cache inside one engine. */
export type SequenceId = number & { readonly [sequenceBrand]: 'SequenceId' };

export interface EngineInfo {
  readonly kind: EngineKind;
  readonly architecture: ModelArchitecture;
  readonly layers: LayerRange;
  /** Bytes the weights occupy as held by the engine. */
  readonly weightBytes: number;
  /** Most bytes the KV cache may occupy, and bytes per token of one sequence. */
  readonly kvBudgetBytes: number;
  readonly kvBytesPerToken: number;
  /** Most sequences open at once. */
  readonly maxSequences: number;
  /** Most tokens of all steps of one `forward` together. */
  readonly maxBatchTokens: number;
  /** What distinguishes this build for a person, e.g. `relaxed-simd`, `simd`. */
  readonly variant: string;
  /** Most (token, logit) pairs of a `top-k` output. @default the engine has no such output */
  readonly topK?: number;
}

/** Work for one sequence in one `forward`: consecutive positions starting at the sequence's length. */
export interface EngineStep {
  readonly sequence: SequenceId;
  /**
   * Token ids where the engine's range starts at layer 0; otherwise hidden states, row-major
   * `[tokens, hiddenSize]` in float32.
   */
  readonly input: Int32Array | Float32Array;
  /**
   * `none`: fill the cache only. `hidden`: states of every position after the last layer of the range
   * (before the final norm). `last-logits` / `all-logits`: only where the range ends at the last layer.
   * `top-k`: the highest of the last position's logits, where `info.topK` says that the engine finds them
   * where it computes.
   */
  readonly output: 'none' | 'hidden' | 'last-logits' | 'all-logits' | 'top-k';
}

/** The highest logits of one position, best first; equals by lowest token. */
export interface TopLogits {
  readonly tokens: Int32Array;
  readonly logits: Float32Array;
  /** Of the whole row: a logit less this is its log-probability. */
  readonly logSumExp: number;
}

export interface EngineOutput {
  /**
   * `[tokens, hiddenSize]` or `[1 or tokens, vocabularySize]` as asked; empty for `none` and `top-k`. Valid
   * until the next `forward`.
   */
  readonly values: Float32Array;
  /** Of a `top-k` step. Valid until the next `forward`. */
  readonly top?: TopLogits;
}

export interface EngineUsage {
  readonly sequences: number;
  /** Bytes of KV cache reserved by open sequences. */
  readonly kvReservedBytes: number;
}

/**
 * Computes a layer range of one model for several sequences at once.
 *
 * Batch-invariant: a position's output depends only on its own sequence's inputs, never on how they
 * were split over steps and forwards or what was computed beside them; to the bit on one engine build
 * and device.
 *
 * Errors: `kv_cache_full`, `too_many_sequences` (both retryable) from `open`; `sequence_not_found`,
 * `context_length_exceeded`, `invalid_step` from the rest. A failed call changes nothing.
 */
export interface Engine {
  readonly info: EngineInfo;
  /** Opens a sequence and reserves cache for `maxTokens` positions. */
  open(options: { maxTokens: number }): SequenceId;
  /** Positions in the sequence's cache. */
  length(sequence: SequenceId): number;
  /** Forgets positions from `length` on. */
  truncate(sequence: SequenceId, length: number): void;
  close(sequence: SequenceId): void;
  /** One output per step, in order. At most one step per sequence; at most `maxBatchTokens` tokens in all. */
  forward(steps: readonly EngineStep[]): Promise<readonly EngineOutput[]>;
  usage(): EngineUsage;
  /** Ends every sequence at once; resolves when what it held is free. */
  dispose(): void | Promise<void>;
}
