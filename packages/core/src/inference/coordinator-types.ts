import type { ManifestHash, ModelId, LayerRange, PeerName } from '../ids.ts';
import type { GenerateRequest, StageTiming } from './generator.ts';
import type { TokenLogprobs } from '../generation/sampling.ts';

export const ENGINE_KINDS = ['reference', 'wasm', 'webgpu', 'webllm'] as const;
export type EngineKind = (typeof ENGINE_KINDS)[number];

/** How a stage reaches the next one. */
export interface HopReport {
  readonly rttMs: number;
  /** False where a relay carries what they send each other. */
  readonly direct: boolean;
}

/** One hop of a route, as `x-opengateway-route` and the chat page show it. */
export interface RouteStage {
  readonly peer: PeerName;
  readonly engine: EngineKind;
  readonly layers: LayerRange;
  /** Of a chain: the way to the next stage, from the last one to the first. */
  readonly hop?: HopReport;
}

/** What one stage of a chain says an answer took it, without waiting for its neighbours. */
export interface StageReport {
  readonly peer: PeerName;
  readonly prefillMs: number;
  readonly decodeMs: number;
  readonly decodeSteps: number;
  /** Payload sent to the next stage. */
  readonly sentBytes: number;
}

export interface CoordinatorRequest extends GenerateRequest {
  readonly model: ModelId;
  readonly manifest: ManifestHash;
  readonly layerCount: number;
  /** Tokens the model knows, `[0, vocabularySize)`: a peer that sends another breaks the protocol. */
  readonly vocabularySize: number;
  /** Who asks, so that clients take turns while every peer is full; no peer is told. @default all are one */
  readonly client?: string;
}

/**
 * In this order: progress `queued` (only while every peer is full), route (and again after each failover),
 * progress*, token*, end. `progress` may also come between a loss and the next route.
 *
 * `done` and `total` of `queued` are the requests ahead (0: this one is next) and those that wait, this one
 * included; of `prefill` the tokens computed and those to compute.
 */
export type CoordinatorEvent =
  | {
      readonly type: 'route';
      readonly stages: readonly RouteStage[];
      readonly attempt: number;
      readonly reason?: string;
    }
  | { readonly type: 'progress'; readonly state: 'queued' | 'prefill'; readonly done: number; readonly total: number }
  | { readonly type: 'token'; readonly token: number; readonly logprobs?: TokenLogprobs }
  | {
      readonly type: 'end';
      readonly reason: 'stop' | 'length';
      readonly timing: StageTiming;
      readonly failovers: number;
      /** Of the last route, where it was a chain; stages that did not say so in time are left out. */
      readonly reports: readonly StageReport[];
    };

/**
 * Plans a route, runs it, and carries on elsewhere when a peer is lost; never repeats or drops a token.
 *
 * @throws (from the iterator) `no_route` (nobody serves the model: retryable), `capacity` (all who serve
 * it are full: retryable), `route_lost` (the answer had begun and nobody is left to go on: retryable),
 * `context_length_exceeded`, or the signal's reason.
 */
export interface Coordinator {
  run(request: CoordinatorRequest, options: { signal: AbortSignal }): AsyncIterable<CoordinatorEvent>;
}
