import { toWire } from '../errors.ts';
import { createRangeMemory } from '../placement/range-memory.ts';
import { ASSUMED_KV_BUDGET_BYTES } from './constants.ts';
import { describeModel } from './describe-model.ts';
import { loadManifest } from './fetch-manifest.ts';
import { freeEngine } from './free-engine.ts';
import { createRequestCounter } from './request-counter.ts';
import type { CatalogEntry } from '../bootstrap.ts';
import type { Clock } from '../clock.ts';
import type { WireError } from '../errors.ts';
import type { ManifestHash } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { ModelManifest } from '../models/manifest.ts';
import type { RangeMemory } from '../placement/range-memory.ts';
import type { Served } from './describe-model.ts';
import type { ContributorEngine, ContributorLoadedModel, ContributorLoadProgress } from './engine.ts';
import type { FetchManifest } from './fetch-manifest.ts';
import type { RequestCounter } from './request-counter.ts';
import type { HeldModel, StartContributing } from './types.ts';

/** What all models of one contributor share. */
export interface SlotComponents<Weights> {
  readonly clock: Clock;
  readonly fetchManifest: FetchManifest;
  readonly locateWeights: (entry: CatalogEntry, manifest: ModelManifest) => Weights;
  /** With the contributor's own defaults. */
  readonly options: StartContributing;
  readonly maxSequences: number | undefined;
  /** Share of the time that is lent now. */
  share(): number;
  /** Called when what is announced changed. */
  onChange(): void;
  /** Called when more of a model came to disk. */
  onProgress(): void;
}

interface LoadOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ContributorLoadProgress) => void;
}

/** One model of a contributor, with the engine that is its own. */
export class ModelSlot<Weights> {
  readonly entry: CatalogEntry;
  readonly engine: ContributorEngine<Weights>;
  readonly counter: RequestCounter;
  readonly served: Served;
  /** Why it is not held, or could not be loaded last time. */
  error: WireError | null = null;
  /** Why what is fetched is not kept. */
  storeFailure: WireError | undefined;
  readonly #components: SlotComponents<Weights>;
  readonly #ended = new AbortController();
  #manifest: ModelManifest | null;
  #memory: RangeMemory | null = null;
  #doneBytes = 0;
  #totalBytes: number;

  constructor(
    components: SlotComponents<Weights>,
    engine: ContributorEngine<Weights>,
    { entry, manifest, served }: { entry: CatalogEntry; manifest: ModelManifest | null; served: Served },
  ) {
    this.#components = components;
    this.engine = engine;
    this.entry = entry;
    this.served = served;
    this.counter = createRequestCounter(engine, () => components.onChange());
    this.#manifest = manifest;
    this.#totalBytes = entry.bytes;
  }

  get key(): ManifestHash {
    return this.entry.manifest as ManifestHash;
  }

  /** Once it is known. */
  get manifest(): ModelManifest {
    if (this.#manifest === null) throw new Error('The manifest was not fetched yet.');
    return this.#manifest;
  }

  /** Of the layers that are served. */
  weightBytes(): number {
    return this.#ranges().bytesOf(this.served.layers);
  }

  /** Of weights, cache and engine, as far as can be told before. */
  memoryBytes(): number {
    return this.weightBytes() - this.#ranges().roomBytes;
  }

  /** Fetches the manifest: the whole model is to be served. */
  async identify(signal: AbortSignal): Promise<void> {
    this.#manifest ??= await loadManifest(this.entry, this.#components.fetchManifest, signal);
    this.served.layers = { start: 0, end: this.#manifest.architecture.layerCount };
  }

  /** Has the weights on disk, and gives them to peers from then on. */
  async keep(signal: AbortSignal): Promise<void> {
    const { storageBytes } = this.#components.options;
    await this.engine.keep(
      { ...this.#weights(), ...(storageBytes === undefined ? {} : { storageBytes }) },
      {
        signal: AbortSignal.any([signal, this.#ended.signal]),
        onProgress: (progress) => {
          this.#note(progress);
          this.#components.onProgress();
        },
      },
    );
    this.#doneBytes = this.#totalBytes;
  }

  /** Brings the layers to be served into memory. */
  async load({ signal, onProgress }: LoadOptions): Promise<ContributorLoadedModel> {
    const { options, maxSequences, share } = this.#components;
    const { kvBudgetBytes, threads, storageBytes } = options;
    const loaded = await this.engine.load(
      {
        ...this.#weights(),
        engine: options.engine,
        ...(kvBudgetBytes === undefined ? {} : { kvBudgetBytes }),
        ...(maxSequences === undefined ? {} : { maxSequences }),
        ...(threads === undefined ? {} : { threads }),
        ...(storageBytes === undefined ? {} : { storageBytes }),
        ...(share() === 1 ? {} : { share: share() }),
      },
      {
        signal,
        onProgress: (progress) => {
          this.#note(progress);
          onProgress(progress);
        },
      },
    );
    signal.throwIfAborted();
    this.#doneBytes = this.#totalBytes;
    this.served.loaded = loaded;
    return loaded;
  }

  /** Once more, for whoever asked for it. */
  async reload(): Promise<void> {
    try {
      await this.load({ signal: this.#ended.signal, onProgress: () => {} });
      this.error = null;
    } catch (error) {
      this.error = toWire(error);
      throw error;
    }
  }

  /** Out of memory; what is on disk is given to peers as before. */
  async unload(): Promise<void> {
    await freeEngine(this.engine, this.#components.clock);
    // Nothing but its end gives back all that a worker took.
    await this.engine.terminate();
    if (this.#ended.signal.aborted) return;
    // Without it peers get these weights elsewhere, and a request still loads them.
    this.keep(this.#ended.signal).catch(() => {});
  }

  /** Ends what is under way; nothing of it is held any more. */
  end(): void {
    this.#ended.abort();
  }

  /** What is announced of it. */
  advert({ isStored, waiting }: { readonly isStored: boolean; readonly waiting: number }): ServedModel {
    const { running, queued, ...counts } = this.counter.counts();
    const { options, share } = this.#components;
    const model = describeModel(
      { entry: this.entry, engine: options.engine },
      this.served,
      this.manifest,
      { ...counts, running, queued: queued + waiting },
      share(),
    );
    return isStored ? { ...model, stored: true, bytes: this.weightBytes() } : model;
  }

  snapshot(state: HeldModel['state']): HeldModel {
    const { entry, error } = this;
    return { entry, state, doneBytes: this.#doneBytes, totalBytes: this.#totalBytes, error };
  }

  #weights() {
    const { entry, manifest, served } = this;
    return { manifest, weights: this.#components.locateWeights(entry, manifest), layers: served.layers };
  }

  #note(progress: ContributorLoadProgress): void {
    if (progress.type !== 'weights-progress') return;
    this.#doneBytes = progress.doneBytes;
    this.#totalBytes = progress.totalBytes;
    this.storeFailure = progress.storeFailure;
  }

  /** Without a pledge: its room is what cache and engine take, below zero. */
  #ranges(): RangeMemory {
    const { kvBudgetBytes = ASSUMED_KV_BUDGET_BYTES } = this.#components.options;
    this.#memory ??= createRangeMemory(this.manifest, { memoryBytes: 0, kvBudgetBytes });
    return this.#memory;
  }
}
