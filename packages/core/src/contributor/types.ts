import type { CatalogEntry } from '../bootstrap.ts';
import type { Tier } from '../capability/tiers.ts';
import type { WireError } from '../errors.ts';
import type { LayerRange } from '../ids.ts';
import type { EngineKind } from '../inference/coordinator-types.ts';

export const CONTRIBUTOR_STATES = ['idle', 'probing', 'loading', 'self-test', 'serving', 'paused', 'error'] as const;
export type ContributorState = (typeof CONTRIBUTOR_STATES)[number];

/** Weights on their way into the engine. */
export interface LoadingProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Of `doneBytes`, those that came over the network in this run. */
  readonly fetchedBytes: number;
  readonly bytesPerSecond: number;
  /** Of those that came over the network, from other peers and from the server. */
  readonly fromPeersBytes: number;
  readonly fromServerBytes: number;
  /** Peers that have some of it and are connected now. */
  readonly peers: number;
  /** Why the weights are not kept on this device, if so. @default they are */
  readonly storeFailure?: WireError;
}

/** One model of a contributor. */
export interface HeldModel {
  readonly entry: CatalogEntry;
  /** `disk`: complete there; a request brings it into memory. */
  readonly state: 'fetching' | 'disk' | 'memory';
  /** Of the weights, on this device. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Why it is not held, or could not be loaded last time. */
  readonly error: WireError | null;
}

/** How a contributor that failed comes back, kept until it is stopped or started anew. */
export interface Recovery {
  readonly restarts: number;
  /** What failed last. */
  readonly failure: WireError;
  /** The engine that kept failing, where the CPU took over from it. */
  readonly fellBackFrom: EngineKind | null;
  /** When it starts again, milliseconds since the epoch; null once it has begun to. */
  readonly nextAtMs: number | null;
}

/** Everything a page or a log says about this contributor; a new object at every change. */
export interface ContributorSnapshot {
  readonly state: ContributorState;
  /** When the state was entered, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** The one loaded at the start. */
  readonly model: CatalogEntry | null;
  /** All models, that one first; empty while nothing was begun. */
  readonly held: readonly HeldModel[];
  readonly engine: EngineKind | null;
  readonly layers: LayerRange | null;
  /** What the engine build is, e.g. `relaxed-simd`. */
  readonly variant: string | null;
  readonly loading: LoadingProgress | null;
  readonly error: WireError | null;
  /** Measured by the self-test on this device. */
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
  readonly requestsNow: number;
  readonly requestsQueued: number;
  readonly requestsServed: number;
  readonly tokensServed: number;
  /** All sequences together, over the last seconds of work; 0 when idle. */
  readonly tokensPerSecond: number;
  readonly lastRequestMs: number | null;
  readonly storedBytes: number;
  readonly relayConnected: boolean;
  /** Null where nothing failed since the start. */
  readonly recovery: Recovery | null;
}

export interface StartContributing {
  readonly entry: CatalogEntry;
  /**
   * Further whole models to hold: fetched to disk one after the other while the first is served, loaded when asked
   * for. `MAX_HELD_MODELS` in all. @default none
   */
  readonly others?: readonly CatalogEntry[];
  /** Clusters to announce in, beside those of the models served. @default none */
  readonly tiers?: readonly Tier[];
  readonly engine: EngineKind;
  /** Layers to hold, whatever the others hold. @default all of them where they fit, else what is lacking most */
  readonly layers?: LayerRange;
  /**
   * Lent to weights, cache and engine of all models in memory together. @default as much as the whole model needs,
   * and with `others` 1 GiB where that is more
   */
  readonly memoryBytes?: number;
  /** Whether the CPU engine may take over from one that cannot start or keeps failing. @default false */
  readonly canFallBack?: boolean;
  /** Threads that compute, of an engine that has them. @default the engine's */
  readonly threads?: number;
  /** Of the engine's cache. @default the contributor's, else the engine's */
  readonly kvBudgetBytes?: number;
  /** Most bytes of weights kept on this device, of all models. @default what the store allows */
  readonly storageBytes?: number;
  /** Share of the time that the engine may compute, from MIN_SHARE to 1. @default 1 */
  readonly share?: number;
}

/** Lends this device: loads a model, tests itself, announces it and answers requests. */
export interface Contributor {
  snapshot(): ContributorSnapshot;
  /** Calls `listener` at every change; returns what ends that. */
  subscribe(listener: (snapshot: ContributorSnapshot) => void): () => void;
  /** Resolves when serving; rejects (and enters `error`) with a typed error. */
  start(options: StartContributing): Promise<void>;
  /** Announces `paused`: running answers finish, no new ones are taken; the model stays loaded. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Lends another share of the time from now on, and at later starts unless they say otherwise. */
  setShare(share: number): void;
  /** Announces `leaving`, ends running answers, frees the engine. Back to `idle`. */
  stop(): Promise<void>;
  /** Stops and removes stored weights. */
  forget(): Promise<void>;
}
