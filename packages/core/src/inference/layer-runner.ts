import type { TokenLogprobs } from '../generation/sampling.ts';
import type { GenerateRequest, StageTiming } from './generator.ts';

/** How hidden states are written on their way between stages: little-endian floats of 16 or 32 bits. */
export const HIDDEN_FORMATS = ['f16', 'f32'] as const;
export type HiddenFormat = (typeof HIDDEN_FORMATS)[number];

/** Bytes of one value of a hidden state. */
export const HIDDEN_VALUE_BYTES: Readonly<Record<HiddenFormat, number>> = { f16: 2, f32: 4 };

/** What a range of layers is of. */
export interface ModelShape {
  readonly layerCount: number;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
}

/** One sequence to compute on this device's part of a model's layers. */
export interface LayerRequest extends GenerateRequest {
  /**
   * Needed where the range holds the first layer (what to embed) or the last one (what the choice of tokens
   * depends on); empty on stages between.
   */
  readonly tokens: readonly number[];
  /** Positions given at the start: prompt and answer so far. */
  readonly tokenCount: number;
  /** Format of the hidden states this stage sends; it takes either. */
  readonly format: HiddenFormat;
}

/** Hidden states of consecutive positions of one sequence, row-major `[count, hiddenSize]`. */
export interface HiddenStates {
  readonly type: 'hidden';
  /** Of the first row; positions count from 0 over prompt and answer. */
  readonly position: number;
  readonly count: number;
  /** `f32` too where `f16` was asked for and a value is beyond its range. */
  readonly format: HiddenFormat;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** The token that the last stage chose for `position`, on its way to the first stage. */
export interface ChosenToken {
  readonly type: 'token';
  readonly position: number;
  readonly token: number;
}

/** What a stage is given from its neighbour: chosen tokens at the first stage, hidden states at the others. */
export type LayerInput = HiddenStates | ChosenToken;

/**
 * What a stage makes, in this order: progress*, then `hidden` for every position it was given (or, at the first
 * stage, of the prompt) where another stage follows; `token`*, `end` where it is the last.
 *
 * `progress` comes when the sequence has its place, while it waits for one at least every `HEARTBEAT_MS`, and
 * after every piece of the prompt: `done` of `total` as in `GenerateEvent`.
 */
export type LayerEvent =
  | { readonly type: 'progress'; readonly state: 'queued' | 'prefill'; readonly done: number; readonly total: number }
  | HiddenStates
  | (ChosenToken & { readonly logprobs?: TokenLogprobs })
  | { readonly type: 'end'; readonly reason: 'stop' | 'length'; readonly timing: StageTiming };

/** Time a sequence took in this device's engine, without waiting for its neighbours. */
export interface LayerTiming {
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** Decode steps it was part of. */
  readonly decodeSteps: number;
}

/** One sequence on this device's range. */
export interface LayerSequence {
  /**
   * What is made, pulled: a consumer that stops pulling stops the sequence after a bounded number of events.
   * Leaving the iterator frees the sequence.
   *
   * @throws (from the iterator) as `Generator`, and `invalid_input`: hidden states of another size than the
   * model's, or that are not finite.
   */
  readonly events: AsyncIterable<LayerEvent>;
  /**
   * Gives the positions that come next; whoever calls has checked that they do. The payload is transferred.
   * Resolves when more may be given: a bounded number waits to be computed. Never rejects: failures are in
   * `events`.
   */
  give(input: LayerInput): Promise<void>;
  /** So far; final once `events` ended. */
  timing(): LayerTiming;
}

/**
 * Computes part of a model's layers on this device: the engine worker's page side, or a fake in tests. Sequences
 * that have something to compute share one pass over the weights.
 */
export interface LayerRunner {
  /** Aborting the signal frees the sequence before the engine's next step. */
  run(request: LayerRequest, options: { signal: AbortSignal }): LayerSequence;
}
