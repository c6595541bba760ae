import type {
  EngineKind,
  GenerateRequest,
  LayerInput,
  LayerRange,
  LayerRequest,
  LayerTiming,
  ModelManifest,
  ModelPackage,
  WeightsStats,
  WireError,
} from '@opengateway/core';
import type { EngineInfo, EngineUsage } from './engines/engine.ts';
import type { MeasureRequest } from './probe/measure-device.ts';
import type { DeviceMeasurement } from './probe/types.ts';

/** Where the files that a manifest names are. */
export type FilesLocation =
  /** Fetched by ranges from `baseUrl` + file name, kept in the platform's store (OPFS; in Node the client's folder). */
  | { readonly kind: 'http'; readonly baseUrl: string }
  /** Read from a local folder (Node only), nothing stored. */
  | { readonly kind: 'directory'; readonly path: string };

/** Where the worker gets a model's weights. */
export type WeightsLocation =
  | FilesLocation
  /** A compiled package, fetched and kept by the library that runs it (browsers only); addresses absolute. */
  | { readonly kind: 'package'; readonly package: ModelPackage };

export interface LoadRequest {
  readonly manifest: ModelManifest;
  readonly weights: WeightsLocation;
  readonly engine: EngineKind;
  readonly layers: LayerRange;
  /** @default 256 MiB */
  readonly kvBudgetBytes?: number;
  /** Sequences computed at once. @default 8 */
  readonly maxSequences?: number;
  /** Threads of the `wasm` engine, where memory can be shared; 1 elsewhere. @default 1 */
  readonly threads?: number;
  /**
   * Most bytes of weights kept on this device, of all models: others make room, and a model that is larger
   * by itself is not kept. @default what the store allows
   */
  readonly storageBytes?: number;
  /** Share of the time in which the engine computes, above 0 and at most 1. @default 1 */
  readonly share?: number;
}

/** A model to have on disk, without an engine. */
export type KeepRequest = Pick<LoadRequest, 'manifest' | 'weights' | 'layers' | 'storageBytes'>;

export type LoadProgress =
  | {
      readonly type: 'weights-progress';
      readonly doneBytes: number;
      readonly totalBytes: number;
      readonly fetchedBytes: number;
      /** Where they come from, where peers are asked too. */
      readonly sources?: Pick<WeightsStats, 'fromPeersBytes' | 'fromServerBytes' | 'peers' | 'bytesPerSecond'>;
      /**
       * Why they are not kept on this device, if so: `storage_full`, `store_busy`, `store_lost`; `stored_chunks_lost` where
       * some that were kept had to be fetched again.
       */
      readonly storeFailure?: WireError;
    }
  | { readonly type: 'self-test'; readonly decodeTokensPerSecond: number; readonly prefillTokensPerSecond: number };

export interface LoadedModel {
  readonly info: EngineInfo;
  readonly loadMs: number;
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
}

export interface WorkerStats {
  readonly usage: EngineUsage;
  readonly active: number;
  readonly queued: number;
  readonly tokensTotal: number;
  readonly prefillTokensTotal: number;
  /** Of the last few seconds of work, all sequences together. */
  readonly tokensPerSecond: number;
  readonly storedBytes: number;
}

/** How far a sequence is. */
export interface SequenceState {
  /** Time of the engine's steps that it was part of. */
  readonly timing: LayerTiming;
  /** Inputs given that do not wait any longer. */
  readonly takenInputs: number;
}

/** What the worker posts on a sequence's own MessagePort. */
export type SequenceMessage<Event> =
  | ({ readonly type: 'event'; readonly event: Event } & SequenceState)
  | { readonly type: 'error'; readonly error: WireError };

/** Posted to the worker on the same port: grants more tokens or hidden states, gives what comes next, or stops. */
export type SequenceControl =
  | { readonly type: 'credit'; readonly events: number }
  | { readonly type: 'input'; readonly input: LayerInput }
  | { readonly type: 'cancel' };

/** The one interface of the engine worker, over Comlink; the same in a tab and in Node. */
export interface WorkerApi {
  /** `weights` (transferred) leads to who trades chunks with peers. @default chunks come from the server only */
  load(request: LoadRequest, onProgress: (progress: LoadProgress) => void, weights?: MessagePort): Promise<LoadedModel>;
  /**
   * Fetches what lacks to disk, in room that is free, and gives it to peers until `unload` or `load`. Ends what was
   * loaded. @throws `storage_too_small`, `storage_full`, what the weights' source throws
   */
  keep(request: KeepRequest, onProgress: (progress: LoadProgress) => void, weights?: MessagePort): Promise<void>;
  /** Starts a generation whose events go to `port` (transferred). */
  generate(request: GenerateRequest, port: MessagePort): Promise<void>;
  /** Starts a sequence on the layers that are loaded, in the same way. */
  runLayers(request: LayerRequest, port: MessagePort): Promise<void>;
  /** Of the loaded model. */
  setShare(share: number): Promise<void>;
  stats(): Promise<WorkerStats>;
  /** Measures this device with an engine that is free; the one that is loaded ends. */
  measure(request: MeasureRequest): Promise<DeviceMeasurement>;
  /** Ends running generations and frees the engine. */
  unload(): Promise<void>;
  /** Removes every stored weight of this origin or folder. */
  forgetWeights(): Promise<void>;
}
