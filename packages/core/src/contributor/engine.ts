import type { LayerRange } from '../ids.ts';
import type { EngineKind } from '../inference/coordinator-types.ts';
import type { Generator } from '../inference/generator.ts';
import type { LayerRunner } from '../inference/layer-runner.ts';
import type { ModelManifest } from '../models/manifest.ts';
import type { OpenGatewayError, WireError } from '../errors.ts';

export interface ContributorLoadRequest<Weights> {
  readonly manifest: ModelManifest;
  readonly weights: Weights;
  readonly engine: EngineKind;
  readonly layers: LayerRange;
  readonly kvBudgetBytes?: number;
  readonly maxSequences?: number;
  readonly threads?: number;
  readonly storageBytes?: number;
  readonly share?: number;
}

/** Weights to have on disk. */
export type ContributorKeepRequest<Weights> = Pick<
  ContributorLoadRequest<Weights>,
  'manifest' | 'weights' | 'layers' | 'storageBytes'
>;

export type ContributorLoadProgress =
  | {
      readonly type: 'weights-progress';
      readonly doneBytes: number;
      readonly totalBytes: number;
      readonly fetchedBytes: number;
      /** Where they come from. @default the server */
      readonly sources?: {
        readonly fromPeersBytes: number;
        readonly fromServerBytes: number;
        readonly peers: number;
        /** Over the last seconds. */
        readonly bytesPerSecond: number;
      };
      readonly storeFailure?: WireError;
    }
  | { readonly type: 'self-test'; readonly decodeTokensPerSecond: number; readonly prefillTokensPerSecond: number };

export interface ContributorLoadedModel {
  readonly info: {
    readonly maxSequences: number;
    readonly variant: string;
    /** Bytes of the engine's cache, and of one position in it. @default no less than the model's context */
    readonly kvBudgetBytes?: number;
    readonly kvBytesPerToken?: number;
  };
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
}

/**
 * What a contributor needs of the engine's worker; the client of the gpu-worker package is one.
 *
 * @typeParam Weights how this engine is told where a model's bytes are
 */
export interface ContributorEngine<Weights> {
  readonly generator: Generator;
  /** The same engine where it holds a part of a model. */
  readonly layers: LayerRunner;
  /** Resolves when the model is loaded and tested. Aborting the signal gives up. */
  load(
    request: ContributorLoadRequest<Weights>,
    options: { signal: AbortSignal; onProgress: (progress: ContributorLoadProgress) => void },
  ): Promise<ContributorLoadedModel>;
  /**
   * Fetches what lacks of a model's weights to disk, without making room for them, and gives them to peers from then
   * on: until `unload`, `load` or `terminate`. Resolves when they are complete. Aborting the signal gives up.
   */
  keep(
    request: ContributorKeepRequest<Weights>,
    options: { signal: AbortSignal; onProgress: (progress: ContributorLoadProgress) => void },
  ): Promise<void>;
  /** Of the model that is loaded: the share of the time in which it computes, above 0 and at most 1. */
  setShare(share: number): Promise<void>;
  stats(): Promise<{ readonly tokensPerSecond: number; readonly storedBytes: number }>;
  unload(): Promise<void>;
  forgetWeights(): Promise<void>;
  /** Ends the engine at once, whatever it does. */
  terminate(): Promise<void>;
  onCrash(listener: (error: OpenGatewayError) => void): () => void;
}
