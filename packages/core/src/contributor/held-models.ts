import { entryTier } from '../bootstrap.ts';
import { toWire } from '../errors.ts';
import { FETCH_RETRY_MS, MAX_HELD_MODELS } from './constants.ts';
import { ModelNotLoadedError, ModelTooLargeError, SingleModelError, TooManyModelsError } from './errors.ts';
import { estimateLoaded } from './estimate-loaded.ts';
import { ModelPool } from './model-pool.ts';
import { ModelSlot } from './model-slot.ts';
import { isWholeModel } from '../ids.ts';
import type { CatalogEntry } from '../bootstrap.ts';
import type { Tier } from '../capability/tiers.ts';
import type { WireError } from '../errors.ts';
import type { ManifestHash } from '../ids.ts';
import type { GenerateEvent, GenerateRequest, Generator } from '../inference/generator.ts';
import type { LayerEvent, LayerRequest, LayerRunner, LayerSequence } from '../inference/layer-runner.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { ModelManifest } from '../models/manifest.ts';
import type { Served } from './describe-model.ts';
import type { ContributorEngine, ContributorLoadedModel, ContributorLoadProgress } from './engine.ts';
import type { SlotComponents } from './model-slot.ts';
import type { RequestCounts } from './request-counter.ts';
import type { HeldModel } from './types.ts';

export interface HeldModelsComponents<Weights> extends SlotComponents<Weights> {
  /** Of the first model. */
  readonly engine: ContributorEngine<Weights>;
  /** Makes one for each further model. */
  readonly createEngine: (() => ContributorEngine<Weights>) | undefined;
}

export interface HeldModelsInit {
  /** Of the first model. */
  readonly manifest: ModelManifest;
  readonly served: Served;
}

/**
 * The models of one contributor: the first is loaded at its start, the others come to disk while it is served, and
 * into memory when a request asks for them. Each has an engine of its own, so that what breaks one leaves the others.
 */
export class HeldModels<Weights> {
  readonly first: ModelSlot<Weights>;
  readonly generator: Generator = { generate: (request, options) => this.#generate(request, options) };
  readonly layers: LayerRunner = { run: (request, options) => this.#run(request, options) };
  readonly #components: HeldModelsComponents<Weights>;
  readonly #others: readonly ModelSlot<Weights>[];
  /** Those of which nothing can be held. */
  readonly #refused: readonly { readonly entry: CatalogEntry; readonly error: WireError }[];
  readonly #pool: ModelPool;
  readonly #ended = new AbortController();
  readonly #unsubscribe: readonly (() => void)[];

  constructor(components: HeldModelsComponents<Weights>, { manifest, served }: HeldModelsInit) {
    const { options, engine, createEngine, clock, onChange } = components;
    this.#components = components;
    this.#pool = new ModelPool({ clock, onChange }, { memoryBytes: options.memoryBytes });
    this.first = new ModelSlot(components, engine, { entry: options.entry, manifest, served });
    const wanted = distinct(options.others ?? [], options.entry);
    const kept = createEngine === undefined ? [] : wanted.slice(0, MAX_HELD_MODELS - 1);
    this.#others = kept.map(
      (entry) =>
        new ModelSlot(components, createEngine!(), {
          entry,
          manifest: null,
          served: { layers: { start: 0, end: 0 }, loaded: null },
        }),
    );
    const refusal = createEngine === undefined ? new SingleModelError() : new TooManyModelsError(MAX_HELD_MODELS);
    this.#refused = wanted.slice(kept.length).map((entry) => ({ entry, error: toWire(refusal) }));
    // The first model's engine is the contributor's own, which starts anew when that is lost.
    this.#unsubscribe = this.#others.map((slot) => slot.engine.onCrash((error) => this.#lose(slot, error)));
  }

  /** Loads the first model, as much of it as its slot says. */
  async loadFirst(options: {
    signal: AbortSignal;
    onProgress: (progress: ContributorLoadProgress) => void;
  }): Promise<ContributorLoadedModel> {
    const { first } = this;
    const loaded = await first.load(options);
    const isWhole = isWholeModel(first.served.layers, first.manifest.architecture.layerCount);
    // A part is one of a chain that others count on; what is not on disk could not be loaded again.
    const stays = !isWhole || !isOnDisk(first.storeFailure);
    this.#admit(first, { isIn: true, stays });
    return loaded;
  }

  /** Brings the others to disk, and tries again what may still come. Resolves when nothing is left to try. */
  async keepOthers(): Promise<void> {
    const { signal } = this.#ended;
    let missing = this.#others;
    while (missing.length > 0) {
      const again: ModelSlot<Weights>[] = [];
      for (const slot of missing) {
        if (signal.aborted) return;
        if (!(await this.#keep(slot))) again.push(slot);
      }
      missing = again;
      // Rejects only when aborted, which the loop sees.
      if (missing.length > 0) await this.#components.clock.sleep(FETCH_RETRY_MS, signal).catch(() => {});
    }
  }

  /** What is announced: models in memory first, as an advert that is too long loses its end. */
  adverts(): readonly ServedModel[] {
    const pool = this.#pool;
    const offered = [this.first, ...this.#others].filter(
      (slot) => pool.isOffered(slot.key) || (slot === this.first && slot.served.loaded === null),
    );
    return offered
      .map((slot) => {
        const isStored = slot.served.loaded !== null && !pool.isIn(slot.key);
        return slot.advert({ isStored, waiting: pool.waiting(slot.key) });
      })
      .toSorted((a, b) => Number(a.stored ?? false) - Number(b.stored ?? false));
  }

  /** The clusters of the models announced, and those asked for. */
  tiers(): readonly Tier[] {
    const held = [this.first, ...this.#others.filter(({ key }) => this.#pool.isOffered(key))];
    return [...new Set([...held.map(({ entry }) => entryTier(entry)), ...(this.#components.options.tiers ?? [])])];
  }

  snapshot(): readonly HeldModel[] {
    const refused = this.#refused.map(({ entry, error }): HeldModel => ({
      entry,
      state: 'fetching',
      doneBytes: 0,
      totalBytes: entry.bytes,
      error,
    }));
    return [...[this.first, ...this.#others].map((slot) => slot.snapshot(this.#stateOf(slot))), ...refused];
  }

  counts(): RequestCounts {
    const sum = { running: 0, queued: 0, served: 0, tokens: 0 };
    for (const slot of [this.first, ...this.#others]) {
      const { running, queued, served, tokens } = slot.counter.counts();
      sum.running += running;
      sum.queued += queued + this.#pool.waiting(slot.key);
      sum.served += served;
      sum.tokens += tokens;
    }
    return sum;
  }

  /** Of all engines together. Starts none. */
  async stats(): Promise<{ readonly tokensPerSecond: number; readonly storedBytes: number }> {
    const started = [this.first, ...this.#others.filter((slot) => this.#stateOf(slot) !== 'fetching')];
    const stats = await Promise.all(started.map(({ engine }) => engine.stats()));
    return {
      tokensPerSecond: stats.reduce((sum, { tokensPerSecond }) => sum + tokensPerSecond, 0),
      // Each counts the models of all, as they were when it last changed something.
      storedBytes: Math.max(...stats.map(({ storedBytes }) => storedBytes)),
    };
  }

  async setShare(share: number): Promise<void> {
    const inMemory = [this.first, ...this.#others.filter(({ key }) => this.#pool.isIn(key))];
    await Promise.all(inMemory.map(({ engine }) => engine.setShare(share)));
  }

  /** Ends the engines of the others; the first model's is its maker's to free. */
  async end(): Promise<void> {
    this.#ended.abort();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const slot of [this.first, ...this.#others]) slot.end();
    await Promise.all(this.#others.map(({ engine }) => engine.terminate()));
    await this.#pool.settled();
  }

  /** Whether it need not be tried again: it is on disk, or never will be. */
  async #keep(slot: ModelSlot<Weights>): Promise<boolean> {
    const { signal } = this.#ended;
    try {
      await slot.identify(signal);
      const neededBytes = slot.memoryBytes();
      const roomBytes = this.#pool.roomBytes();
      if (neededBytes > roomBytes) throw new ModelTooLargeError(roomBytes, neededBytes);
      await slot.keep(signal);
      slot.served.loaded = this.#estimate(slot);
      slot.error = null;
      this.#admit(slot, { isIn: false, stays: false });
      this.#components.onChange();
      return true;
    } catch (error) {
      if (signal.aborted) return true;
      slot.error = toWire(error);
      this.#components.onProgress();
      return !slot.error.retryable;
    }
  }

  #admit(slot: ModelSlot<Weights>, { isIn, stays }: { isIn: boolean; stays: boolean }): void {
    const model = {
      bytes: slot.memoryBytes(),
      stays,
      load: () => slot.reload(),
      unload: () => slot.unload(),
    };
    this.#pool.add(slot.key, model, { isIn });
  }

  #estimate(slot: ModelSlot<Weights>): ContributorLoadedModel | null {
    const { served, manifest } = this.first;
    if (served.loaded === null) return null;
    const layers = served.layers.end - served.layers.start;
    const measured = { loaded: served.loaded, manifest, layers, bytes: this.first.weightBytes() };
    return estimateLoaded(measured, slot.manifest, slot.weightBytes());
  }

  #stateOf({ key, served }: ModelSlot<Weights>): HeldModel['state'] {
    if (served.loaded === null) return 'fetching';
    return this.#pool.isIn(key) ? 'memory' : 'disk';
  }

  #lose(slot: ModelSlot<Weights>, error: Error): void {
    slot.error = toWire(error);
    this.#pool.lose(slot.key, error);
  }

  #slotOf(manifest: ManifestHash | undefined): ModelSlot<Weights> {
    const slot =
      manifest === undefined ? this.first : [this.first, ...this.#others].find(({ key }) => key === manifest);
    if (slot === undefined) throw new ModelNotLoadedError('it is not here');
    return slot;
  }

  async *#generate(request: GenerateRequest, options: { signal: AbortSignal }): AsyncGenerator<GenerateEvent, void> {
    const slot = this.#slotOf(request.manifest);
    const leave = yield* this.#pool.enter(slot.key, options.signal);
    try {
      yield* slot.counter.generator.generate(request, options);
    } finally {
      leave();
    }
  }

  /** Of a chain: only what is in memory, and only of the first model. */
  #run(request: LayerRequest, options: { signal: AbortSignal }): LayerSequence {
    const { first } = this;
    const isFirst = request.manifest === undefined || request.manifest === first.key;
    if (!isFirst || !this.#pool.isIn(first.key)) return refusing(new ModelNotLoadedError('it is in no chain now'));
    const sequence = first.counter.layers.run(request, options);
    return {
      give: (input) => sequence.give(input),
      timing: () => sequence.timing(),
      events: whileHeld(sequence.events, () => this.#pool.hold(first.key)),
    };
  }
}

/** A sequence that makes nothing but an error. */
const refusing = (error: Error): LayerSequence => ({
  give: async () => {},
  timing: () => ({ prefillMs: 0, decodeMs: 0, decodeSteps: 0 }),
  events: failing(error),
});

// oxlint-disable-next-line require-yield
async function* failing(error: Error): AsyncGenerator<LayerEvent, void> {
  throw error;
}

async function* whileHeld(events: AsyncIterable<LayerEvent>, hold: () => () => void): AsyncGenerator<LayerEvent, void> {
  const leave = hold();
  try {
    yield* events;
  } finally {
    leave();
  }
}

/** Chunks that were lost have been fetched anew. */
const isOnDisk = (failure: WireError | undefined): boolean =>
  failure === undefined || failure.code === 'stored_chunks_lost';

/** Without doubles, and without the first. */
const distinct = (others: readonly CatalogEntry[], first: CatalogEntry): CatalogEntry[] =>
  others.filter(
    ({ manifest }, index) =>
      manifest !== first.manifest && others.findIndex((other) => other.manifest === manifest) === index,
  );
