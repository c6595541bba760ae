import { toWire } from '../errors.ts';
import { betterLayers, layersForSwarm, layersWithoutOthers, roomForLayers, swarmOf } from './choose-layers.ts';
import { MIN_SHARE, RECONSIDER_INTERVAL_MS, STATS_INTERVAL_MS, SWARM_HEARING_MS } from './constants.ts';
import { IDLE, RESET, nothingLoaded } from './empty-snapshot.ts';
import { ContributorStateError, ContributorStoppedError } from './errors.ts';
import { loadManifest } from './fetch-manifest.ts';
import { followLoading } from './follow-loading.ts';
import { freeEngine } from './free-engine.ts';
import { HeldModels } from './held-models.ts';
import type { CatalogEntry } from '../bootstrap.ts';
import type { Clock } from '../clock.ts';
import { isWholeModel } from '../ids.ts';
import type { LayerRange, ManifestHash } from '../ids.ts';
import type { ModelManifest } from '../models/manifest.ts';
import type { SwarmMember } from '../placement/swarm.ts';
import type { Network, ServingHandle } from '../p2p/network.ts';
import type { ContributorEngine, ContributorLoadProgress } from './engine.ts';
import type { FetchManifest } from './fetch-manifest.ts';
import type { Contributor, ContributorSnapshot, ContributorState, StartContributing } from './types.ts';

export interface ContributorComponents<Weights> {
  /** Of the model loaded at the start. */
  readonly engine: ContributorEngine<Weights>;
  /** Makes an engine for each further model. @default no others can be held */
  readonly createEngine?: () => ContributorEngine<Weights>;
  readonly network: Pick<Network, 'serve' | 'relayConnected' | 'onRelayChange' | 'registry' | 'peer'>;
  readonly clock: Clock;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
  readonly fetchManifest: FetchManifest;
  /** Tells the engine where a model's bytes are. */
  readonly locateWeights: (entry: CatalogEntry, manifest: ModelManifest) => Weights;
  /** Rejects with a typed error where this device cannot run the engine. @default accepts */
  readonly checkDevice?: (options: StartContributing, signal: AbortSignal) => Promise<void>;
}

export interface ContributorInit {
  readonly kind: 'tab' | 'node';
  /** Of the engine's cache. @default the engine's */
  readonly kvBudgetBytes?: number;
  /** Answers computed at once. @default the engine's */
  readonly maxSequences?: number;
}

/**
 * Lends a device to the network; the same in a tab and in Node.
 *
 * @example
 * const contributor = createContributor({ engine, network, clock, fetchManifest, locateWeights }, { kind: 'node' });
 * contributor.subscribe(({ state }) => console.log(state));
 * await contributor.start({ entry, engine: 'wasm' });
 */
export const createContributor = <Weights>(
  components: ContributorComponents<Weights>,
  init: ContributorInit,
): Contributor => new DeviceContributor(components, init);

interface Serving<Weights> {
  readonly handle: ServingHandle;
  readonly models: HeldModels<Weights>;
  readonly ended: AbortController;
}

class DeviceContributor<Weights> implements Contributor {
  readonly #components: ContributorComponents<Weights>;
  readonly #init: ContributorInit;
  readonly #listeners = new Set<(snapshot: ContributorSnapshot) => void>();
  #snapshot: ContributorSnapshot;
  #starting: { readonly abort: AbortController; readonly done: Promise<void> } | null = null;
  #serving: Serving<Weights> | null = null;
  /** Clearing up after a failure; a new start waits for it. */
  #settling: Promise<void> = Promise.resolve();
  #watching = false;
  #share = 1;
  /** Counts of runs that ended; a snapshot adds those of the one going on. */
  #servedBefore = 0;
  #tokensBefore = 0;

  constructor(components: ContributorComponents<Weights>, init: ContributorInit) {
    this.#components = components;
    this.#init = init;
    this.#snapshot = {
      ...IDLE,
      sinceMs: components.clock.now(),
      relayConnected: components.network.relayConnected(),
    };
    components.network.onRelayChange((relayConnected) => this.#change({ relayConnected }));
    components.engine.onCrash((error) => {
      // While loading, the load itself fails and says so.
      if (this.#serving !== null && this.#starting === null) this.#fail(error);
    });
  }

  snapshot(): ContributorSnapshot {
    return this.#snapshot;
  }

  subscribe(listener: (snapshot: ContributorSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async start(options: StartContributing): Promise<void> {
    const { state } = this.#snapshot;
    if (this.#starting !== null || (state !== 'idle' && state !== 'error')) {
      throw new ContributorStateError('start', state);
    }
    await this.#run((signal) => this.#start(options, signal));
  }

  async pause(): Promise<void> {
    const { state } = this.#snapshot;
    if (state === 'paused') return;
    if (state !== 'serving') throw new ContributorStateError('pause', state);
    this.#serving?.handle.pause();
    this.#enter('paused');
  }

  async resume(): Promise<void> {
    const { state } = this.#snapshot;
    if (state === 'serving') return;
    if (state !== 'paused') throw new ContributorStateError('resume', state);
    this.#serving?.handle.resume();
    this.#enter('serving');
  }

  setShare(share: number): void {
    this.#share = Math.min(1, Math.max(MIN_SHARE, share));
    if (this.#serving === null) return;
    // A lost worker tells so itself, and a new one is told at its load.
    this.#serving.models.setShare(this.#share).catch(() => {});
    this.#serving.handle.announce();
  }

  async stop(): Promise<void> {
    const starting = this.#starting;
    if (starting !== null) {
      starting.abort.abort(new ContributorStoppedError());
      // Its failure belongs to whoever called start.
      await starting.done.catch(() => {});
    }
    await this.#settling;
    await this.#endServing();
    await freeEngine(this.#components.engine, this.#components.clock);
    if (this.#snapshot.state !== 'idle') this.#enter('idle', RESET);
  }

  async forget(): Promise<void> {
    await this.stop();
    await this.#components.engine.forgetWeights();
    await this.#readStats();
  }

  /** Work that `stop` gives up; what else ends it is a failure of this contributor. */
  async #run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const abort = new AbortController();
    const { signal } = abort;
    const attempt = async (): Promise<void> => {
      await this.#settling;
      try {
        await work(signal);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        this.#fail(error);
        await this.#settling;
        throw error;
      }
    };
    const done = attempt();
    this.#starting = { abort, done };
    try {
      await done;
    } finally {
      this.#starting = null;
    }
  }

  async #start(options: StartContributing, signal: AbortSignal): Promise<void> {
    const { checkDevice, fetchManifest } = this.#components;
    const { entry } = options;
    this.#enter('probing', { ...RESET, model: entry, engine: options.engine });
    await checkDevice?.(options, signal);
    signal.throwIfAborted();
    this.#enter('loading', { loading: nothingLoaded(entry.bytes) });
    const manifest = await loadManifest(entry, fetchManifest, signal);
    signal.throwIfAborted();
    if (options.share !== undefined) this.setShare(options.share);
    const layers = layersWithoutOthers(options, manifest) ?? (await this.#layersForSwarm(options, manifest, signal));
    await this.#serveLayers(options, manifest, layers, signal);
  }

  /** Hears first who holds what, and tells those who choose as well how much room is here. */
  async #layersForSwarm(options: StartContributing, manifest: ModelManifest, signal: AbortSignal): Promise<LayerRange> {
    const { network, clock } = this.#components;
    this.#serving = this.#announce(options, manifest, { start: 0, end: 0 });
    await clock.sleep(SWARM_HEARING_MS, signal);
    const swarm = swarmOf(network.registry, options.entry.manifest as ManifestHash, network.peer);
    return layersForSwarm(this.#pledged(options), manifest, swarm, network.peer);
  }

  /** Joins the network with what will be served. */
  #announce(options: StartContributing, manifest: ModelManifest, layers: LayerRange): Serving<Weights> {
    const { network, engine, createEngine, clock, fetchManifest, locateWeights } = this.#components;
    const pledged = this.#pledged(options);
    const models = new HeldModels<Weights>(
      {
        engine,
        createEngine,
        clock,
        fetchManifest,
        locateWeights,
        options: pledged,
        maxSequences: this.#init.maxSequences,
        share: () => this.#share,
        onChange: () => this.#countsChanged(),
        onProgress: () => this.#change({}),
      },
      {
        manifest,
        served: { layers, loaded: null, ...(layers.end === 0 ? { fits: roomForLayers(pledged, manifest) } : {}) },
      },
    );
    const handle = network.serve({
      generator: models.generator,
      part: { runner: models.layers, shape: () => manifest.architecture },
      kind: this.#init.kind,
      tiers: () => models.tiers(),
      loading: true,
      served: () => models.adverts(),
    });
    return { handle, models, ended: new AbortController() };
  }

  async #serveLayers(
    options: StartContributing,
    manifest: ModelManifest,
    layers: LayerRange,
    signal: AbortSignal,
  ): Promise<void> {
    const isPart = !isWholeModel(layers, manifest.architecture.layerCount);
    this.#change({ layers });
    // The others are told at once: they need not load the same part, and whoever loads trades chunks with them.
    const serving = (this.#serving ??= this.#announce(options, manifest, layers));
    const { models } = serving;
    models.first.served.layers = layers;
    serving.handle.announce();
    const loaded = await models.loadFirst({ signal, onProgress: this.#loadProgress(signal) });
    const { decodeTokensPerSecond, prefillTokensPerSecond } = loaded;
    this.#enter('serving', {
      loading: null,
      variant: loaded.info.variant,
      decodeTokensPerSecond,
      prefillTokensPerSecond,
    });
    serving.handle.ready();
    serving.handle.announce();
    if (isPart) void this.#watchSwarm(options, manifest, layers, serving);
    if ((options.others?.length ?? 0) > 0) void models.keepOthers().then(() => this.#readStats());
    await this.#readStats();
  }

  /** Moves to other layers when that helps the swarm clearly, and nobody is being answered. */
  async #watchSwarm(
    options: StartContributing,
    manifest: ModelManifest,
    layers: LayerRange,
    { ended, models }: Serving<Weights>,
  ): Promise<void> {
    const { clock, network, random = Math.random } = this.#components;
    while (!ended.signal.aborted) {
      // Rejects only when aborted, which the loop's condition sees.
      await clock.sleep(RECONSIDER_INTERVAL_MS * (0.75 + 0.5 * random()), ended.signal).catch(() => {});
      const { state, decodeTokensPerSecond: tokensPerSecond } = this.#snapshot;
      if (ended.signal.aborted || state !== 'serving' || models.counts().running > 0) continue;
      const current: SwarmMember = { peer: network.peer, layers, tokensPerSecond, state };
      const { members } = swarmOf(network.registry, options.entry.manifest as ManifestHash, network.peer);
      const better = betterLayers(current, this.#pledged(options), manifest, members);
      if (better === undefined) continue;
      // Its failure is in the snapshot.
      await this.#run((signal) => this.#move(options, manifest, better, signal)).catch(() => {});
    }
  }

  async #move(
    options: StartContributing,
    manifest: ModelManifest,
    layers: LayerRange,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#endServing();
    const loading = nothingLoaded(options.entry.bytes);
    this.#enter('loading', { loading, layers, decodeTokensPerSecond: 0, prefillTokensPerSecond: 0 });
    await this.#serveLayers(options, manifest, layers, signal);
  }

  /** The start's options with this contributor's own defaults. */
  #pledged(options: StartContributing): StartContributing {
    const { kvBudgetBytes = this.#init.kvBudgetBytes } = options;
    return kvBudgetBytes === undefined ? options : { ...options, kvBudgetBytes };
  }

  #loadProgress(signal: AbortSignal): (progress: ContributorLoadProgress) => void {
    return followLoading(this.#components.clock, (loading, isComplete) => {
      if (signal.aborted) return;
      if (isComplete && this.#snapshot.state === 'loading') this.#enter('self-test', { loading });
      else this.#change({ loading });
    });
  }

  #countsChanged(): void {
    this.#serving?.handle.announce();
    this.#change(this.#counts());
    if ((this.#serving?.models.counts().running ?? 0) > 0) void this.#watchRate();
  }

  #counts(): Partial<ContributorSnapshot> {
    const counts = this.#serving?.models.counts();
    if (counts === undefined) return { requestsNow: 0, requestsQueued: 0, tokensPerSecond: 0 };
    const requestsServed = this.#servedBefore + counts.served;
    return {
      requestsNow: counts.running,
      requestsQueued: counts.queued,
      requestsServed,
      tokensServed: this.#tokensBefore + counts.tokens,
      ...(requestsServed > this.#snapshot.requestsServed ? { lastRequestMs: this.#components.clock.now() } : {}),
    };
  }

  /** Follows the rate while something is computed, and once more when that is over. */
  async #watchRate(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    try {
      let busy = true;
      while (busy) {
        await this.#components.clock.sleep(STATS_INTERVAL_MS);
        // An engine that was freed meanwhile must not be started again by a question.
        if (this.#serving === null) return;
        busy = this.#serving.models.counts().running > 0;
        await this.#readStats();
      }
    } finally {
      this.#watching = false;
    }
  }

  async #readStats(): Promise<void> {
    const { engine } = this.#components;
    try {
      const { tokensPerSecond, storedBytes } = await (this.#serving?.models ?? engine).stats();
      const { running = 0 } = this.#serving?.models.counts() ?? {};
      this.#change({ ...this.#counts(), tokensPerSecond: running > 0 ? tokensPerSecond : 0, storedBytes });
    } catch {
      // A lost worker tells so itself, through onCrash; the figures just stay as they were.
    }
  }

  #fail(error: unknown): void {
    this.#enter('error', { error: toWire(error), loading: null });
    this.#settling = this.#clearUp();
  }

  async #clearUp(): Promise<void> {
    try {
      await this.#endServing();
    } catch {
      // The failure that brought us here is the one to show.
    }
    await freeEngine(this.#components.engine, this.#components.clock);
  }

  async #endServing(): Promise<void> {
    const serving = this.#serving;
    if (serving === null) return;
    serving.ended.abort();
    await serving.handle.leave();
    await serving.models.end();
    if (this.#serving !== serving) return;
    this.#serving = null;
    const { served, tokens } = serving.models.counts();
    this.#servedBefore += served;
    this.#tokensBefore += tokens;
    this.#change({ ...this.#counts(), requestsServed: this.#servedBefore, tokensServed: this.#tokensBefore });
  }

  #enter(state: ContributorState, change: Partial<ContributorSnapshot> = {}): void {
    this.#change({ error: null, ...change, state, sinceMs: this.#components.clock.now() });
  }

  #change(change: Partial<ContributorSnapshot>): void {
    const held = this.#serving?.models.snapshot() ?? [];
    this.#snapshot = { ...this.#snapshot, ...change, held };
    for (const listener of this.#listeners) listener(this.#snapshot);
  }
}
