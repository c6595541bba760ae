import type {
  Clock,
  GenerateEvent,
  GenerateRequest,
  LayerEvent,
  LayerInput,
  LayerRequest,
  SamplingParameters,
  TokenLogprobs,
} from '@opengateway/core';
import type { SequenceState } from '../api.ts';
import type { Engine } from '../engines/engine.ts';

/** Chooses the tokens of one generation, in order: what the scheduler needs of core's `Sampler`. */
export interface TokenSampler {
  /** The token for absolute `position` (prompt and answer counted from 0); `logits` is `[vocabularySize]`. */
  sample(logits: Float32Array, position: number): { readonly token: number; readonly logprobs?: TokenLogprobs };
  /** Takes note of a token of the answer. */
  accept(token: number): void;
}

/** What a sampler is made from; core's `SamplerInit`. */
export interface TokenSamplerInit {
  readonly vocabularySize: number;
  readonly parameters: SamplingParameters;
  readonly promptTokens: readonly number[];
  /** Tokens of the answer that were given before, by whomever. */
  readonly answerTokens: readonly number[];
}

export interface SchedulerComponents {
  readonly engine: Engine;
  readonly createSampler: (init: TokenSamplerInit) => TokenSampler;
  readonly clock: Clock;
  /** Milliseconds with fractions, for timing. @default the clock's */
  readonly highResolutionNow?: () => number;
  /** Lets waiting messages be handled. @default `yieldToMessages` */
  readonly yieldToMessages?: () => Promise<void>;
}

export interface SchedulerInit {
  /** @default DEFAULT_MAX_QUEUED_GENERATIONS */
  readonly maxQueued?: number;
  /** @default DEFAULT_STEP_BUDGET_MS */
  readonly stepBudgetMs?: number;
  /** Tokens a generation may make before its first `grant`. @default CREDIT_WINDOW_TOKENS */
  readonly initialCredit?: number;
  /** The same for the events of a sequence on part of a model. @default CREDIT_WINDOW_LAYER_EVENTS */
  readonly initialLayerCredit?: number;
  /** @default DEFAULT_CREDIT_STALL_LIMIT_MS */
  readonly creditStallLimitMs?: number;
  /** Share of the time in which it computes, above 0 and at most 1. @default 1 */
  readonly share?: number;
  /** Called after a `forward` failed, when the generations in it have been told. */
  readonly onEngineFailure?: (error: unknown) => void;
}

/** Where one generation's events go. Called synchronously, in order; nothing follows `end` or `fail`. */
export interface GenerationSink {
  emit(event: GenerateEvent, state: SequenceState): void;
  fail(error: unknown): void;
}

export interface GenerationHandle {
  /** The consumer took `tokens` more. */
  grant(tokens: number): void;
  /** Frees the sequence before the engine's next step; the sink is not called again. */
  cancel(): void;
}

/** Where the events of one sequence on part of a model go; as `GenerationSink`. */
export interface LayerSink {
  emit(event: LayerEvent, state: SequenceState): void;
  fail(error: unknown): void;
}

export interface LayerHandle extends GenerationHandle {
  /** What comes next; where it cannot be computed the sequence fails with `invalid_input`. */
  give(input: LayerInput): void;
}

export interface SchedulerStats {
  readonly active: number;
  readonly queued: number;
  readonly tokensTotal: number;
  readonly prefillTokensTotal: number;
  /** Of the last `RATE_WINDOW_SECONDS`, per second of work; 0 when nothing was computed in them. */
  readonly tokensPerSecond: number;
}

/** Runs many generations, whole or in part, on one engine by continuous batching. */
export interface Scheduler {
  /**
   * Starts a generation or queues it. Never throws: the sink is told `engine_busy`, `kv_cache_full`,
   * `context_length_exceeded`, `invalid_generation`, `consumer_stalled` or `engine_failed`.
   */
  start(request: GenerateRequest, sink: GenerationSink): GenerationHandle;
  /** The same for a sequence on the layers that this engine holds, all of them or some; `invalid_input` beside. */
  startLayers(request: LayerRequest, sink: LayerSink): LayerHandle;
  stats(): SchedulerStats;
  setShare(share: number): void;
  /** Ends every generation with `engine_failed`; resolves when the engine is no longer in use. */
  close(): Promise<void>;
}
