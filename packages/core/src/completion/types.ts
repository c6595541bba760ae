import type { ModelId } from '../ids.ts';
import type { RouteStage, StageReport } from '../inference/coordinator-types.ts';
import type { StageTiming } from '../inference/generator.ts';
import type { SamplingParameters } from '../generation/sampling.ts';

export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant';
  readonly content: string;
}

/** One answer wanted, in the units of people: text in, text out. */
export interface CompletionRequest {
  readonly model: ModelId;
  readonly messages: readonly ChatMessage[];
  readonly sampling: SamplingParameters;
  /** Most tokens of the answer. Absent: `DEFAULT_MAX_TOKENS`, or what the context leaves. */
  readonly maxTokens?: number;
  /** Up to 4 strings that end the answer and are not part of it. */
  readonly stop: readonly string[];
  /** Who asks, for the coordinator's line; goes no further. @default all are one */
  readonly client?: string;
}

/** A token's logprob with its text, ready for OpenAI's `logprobs.content`. */
export interface TextLogprob {
  readonly text: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
  readonly top: readonly { readonly text: string; readonly bytes: readonly number[]; readonly logprob: number }[];
}

/** In this order: route+, progress*, text-delta*, end. */
export type CompletionEvent =
  | {
      readonly type: 'route';
      readonly stages: readonly RouteStage[];
      readonly attempt: number;
      readonly promptTokens: number;
    }
  | { readonly type: 'progress'; readonly state: 'queued' | 'prefill'; readonly done: number; readonly total: number }
  | {
      readonly type: 'text-delta';
      readonly text: string;
      readonly tokens: number;
      readonly logprobs: readonly TextLogprob[];
    }
  | {
      readonly type: 'end';
      readonly reason: 'stop' | 'length';
      readonly usage: { readonly promptTokens: number; readonly completionTokens: number };
      readonly timing: StageTiming;
      readonly failovers: number;
      /** As the coordinator's: of a chain, as far as its stages said so; empty where a stop string cut it off. */
      readonly reports: readonly StageReport[];
    };

/**
 * Prompt rendering, tokens, routing, text: everything above the engines, the same for relay and tab.
 *
 * @throws (from the iterator) `model_not_found`, `context_length_exceeded`, and what `Coordinator` throws.
 */
export interface Completions {
  run(request: CompletionRequest, options: { signal: AbortSignal }): AsyncIterable<CompletionEvent>;
}
