import { releaseProxy } from 'comlink';
import { UnsupportedModelError } from '../engines/errors.ts';
import { EngineFailedError } from '../scheduler/errors.ts';
import { createScheduler } from '../scheduler/scheduler.ts';
import { DEFAULT_KV_BUDGET_BYTES, DEFAULT_MAX_SEQUENCES } from './constants.ts';
import { LoadAbortedError } from './errors.ts';
import { createLoadReporter } from './load-reporter.ts';
import { selfTest } from './self-test.ts';
import { serveSequence } from './serve-sequence.ts';
import type { Clock, GenerateEvent, GenerateRequest, LayerEvent, LayerRequest } from '@opengateway/core';
import type { KeepRequest, LoadedModel, LoadProgress, LoadRequest, WorkerApi, WorkerStats } from '../api.ts';
import type { CreateEngine } from '../engines/create-engine.ts';
import type { Engine } from '../engines/engine.ts';
import type { Scheduler, SchedulerComponents } from '../scheduler/types.ts';
import type { MeasureRequest } from '../probe/measure-device.ts';
import type { DeviceMeasurement } from '../probe/types.ts';
import type { LoadReporter } from './load-reporter.ts';
import type { OpenedWeights, WeightsPlatform } from './weights-platform.ts';

export interface EngineWorkerComponents {
  readonly weights: WeightsPlatform;
  readonly createEngine: CreateEngine;
  readonly createSampler: SchedulerComponents['createSampler'];
  readonly clock: Clock;
  /** Milliseconds with fractions, for measuring. @default performance.now */
  readonly highResolutionNow?: () => number;
  /** Called when the engine broke in the middle of its work: the worker is not to be trusted any more. */
  readonly onEngineFailure: (error: unknown) => void;
}

/** The engine worker itself, whatever it runs in. */
export const createEngineWorker = (components: EngineWorkerComponents): WorkerApi => new EngineWorker(components);

interface Loaded {
  readonly engine: Engine;
  readonly scheduler: Scheduler;
  readonly weights: OpenedWeights;
}

class EngineWorker implements WorkerApi {
  readonly #components: EngineWorkerComponents;
  #loaded: Loaded | null = null;
  /** Given to peers, without an engine. */
  #kept: OpenedWeights | null = null;
  #loading: { readonly abort: AbortController; readonly done: Promise<unknown> } | null = null;

  constructor(components: EngineWorkerComponents) {
    this.#components = components;
  }

  async load(
    request: LoadRequest,
    onProgress: (progress: LoadProgress) => void,
    port?: MessagePort,
  ): Promise<LoadedModel> {
    return this.#replace(onProgress, (signal) => this.#load(request, onProgress, port, signal));
  }

  async keep(request: KeepRequest, onProgress: (progress: LoadProgress) => void, port?: MessagePort): Promise<void> {
    return this.#replace(onProgress, (signal) => this.#keep(request, onProgress, port, signal));
  }

  async generate(request: GenerateRequest, port: MessagePort): Promise<void> {
    serveSequence<GenerateEvent>(port, (sink) => this.#scheduler().start(request, sink));
  }

  async runLayers(request: LayerRequest, port: MessagePort): Promise<void> {
    serveSequence<LayerEvent>(port, (sink) => this.#scheduler().startLayers(request, sink));
  }

  async setShare(share: number): Promise<void> {
    this.#loaded?.scheduler.setShare(share);
  }

  async measure(request: MeasureRequest): Promise<DeviceMeasurement> {
    await this.unload();
    // Not loaded with the worker: most of them never measure.
    const { measureDevice } = await import('../probe/measure-device.ts');
    const { createEngine, highResolutionNow: now = () => performance.now() } = this.#components;
    return measureDevice({ createEngine, gpu: globalThis.navigator?.gpu as GPU | undefined, now }, request);
  }

  async stats(): Promise<WorkerStats> {
    const storedBytes = await this.#components.weights.storedBytes();
    const { engine, scheduler } = this.#loaded ?? {};
    return {
      usage: engine?.usage() ?? { sequences: 0, kvReservedBytes: 0 },
      ...(scheduler?.stats() ?? {
        active: 0,
        queued: 0,
        tokensTotal: 0,
        prefillTokensTotal: 0,
        tokensPerSecond: 0,
      }),
      storedBytes,
    };
  }

  async unload(): Promise<void> {
    const loading = this.#loading;
    loading?.abort.abort(new LoadAbortedError());
    await loading?.done;
    const loaded = this.#loaded;
    this.#loaded = null;
    await loaded?.scheduler.close();
    await loaded?.engine.dispose();
    await loaded?.weights.leave?.();
    const kept = this.#kept;
    this.#kept = null;
    await kept?.leave?.();
  }

  async forgetWeights(): Promise<void> {
    await this.unload();
    await this.#components.weights.forget();
  }

  /** Does `work` in place of what was there before, until it is replaced itself. */
  async #replace<Result>(
    onProgress: (progress: LoadProgress) => void,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const before = this.unload();
    const abort = new AbortController();
    const done = before.then(() => work(abort.signal));
    const loading = { abort, done: done.catch(() => {}) };
    this.#loading = loading;
    try {
      return await done;
    } finally {
      if (this.#loading === loading) this.#loading = null;
      (onProgress as { [releaseProxy]?: () => void })[releaseProxy]?.();
    }
  }

  async #keep(
    { manifest, layers, weights: location, storageBytes }: KeepRequest,
    onProgress: (progress: LoadProgress) => void,
    port: MessagePort | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { weights: platform, clock } = this.#components;
    signal.throwIfAborted();
    let progress: LoadReporter | undefined;
    let isLeft = false;
    const opened = await platform.open(manifest, layers, location, {
      storageBytes,
      port,
      makesRoom: false,
      onFetched: () => progress?.fetched(),
    });
    try {
      progress = createLoadReporter(clock, opened, onProgress);
      if (opened.fetchAll === undefined)
        throw new UnsupportedModelError('This model cannot be kept without being run.');
      await opened.fetchAll({ signal, onProgress: progress.read });
      signal.throwIfAborted();
      this.#kept = opened;
    } catch (error) {
      isLeft = true;
      throw signal.aborted ? signal.reason : error;
    } finally {
      await opened.close();
      if (isLeft) await opened.leave?.();
    }
  }

  #scheduler(): Scheduler {
    if (this.#loaded === null) throw new EngineFailedError('No model is loaded.');
    return this.#loaded.scheduler;
  }

  async #load(
    request: LoadRequest,
    onProgress: (progress: LoadProgress) => void,
    port: MessagePort | undefined,
    signal: AbortSignal,
  ): Promise<LoadedModel> {
    const { weights: platform, createEngine, createSampler, clock, onEngineFailure } = this.#components;
    const { manifest, layers } = request;
    const { layerCount } = manifest.architecture;
    if (!(layers.start >= 0 && layers.start < layers.end && layers.end <= layerCount)) {
      throw new UnsupportedModelError(
        `There are no layers ${layers.start} to ${layers.end}: the model has ${layerCount}.`,
      );
    }
    signal.throwIfAborted();
    const now = this.#components.highResolutionNow ?? (() => performance.now());
    const startedMs = now();
    let weights: OpenedWeights | undefined;
    let engine: Engine | undefined;
    let isLeft = false;
    try {
      let progress: LoadReporter | undefined;
      const opened = await platform.open(manifest, layers, request.weights, {
        storageBytes: request.storageBytes,
        port,
        onFetched: () => progress?.fetched(),
      });
      weights = opened;
      progress = createLoadReporter(clock, opened, onProgress);
      signal.throwIfAborted();
      engine = await createEngine(
        request.engine,
        { reader: opened.reader },
        {
          layers,
          weights: request.weights,
          kvBudgetBytes: request.kvBudgetBytes ?? DEFAULT_KV_BUDGET_BYTES,
          maxSequences: request.maxSequences ?? DEFAULT_MAX_SEQUENCES,
          threads: request.threads ?? 1,
          signal,
          onProgress: progress.read,
          onFailure: onEngineFailure,
        },
      );
      signal.throwIfAborted();
      const measured = await selfTest(engine, now, signal);
      onProgress({ type: 'self-test', ...measured });
      const scheduler = createScheduler(
        { engine, createSampler, clock, highResolutionNow: now },
        { onEngineFailure, share: request.share ?? 1 },
      );
      this.#loaded = { engine, scheduler, weights: opened };
      return { info: engine.info, loadMs: now() - startedMs, ...measured };
    } catch (error) {
      await engine?.dispose();
      isLeft = true;
      throw signal.aborted ? signal.reason : error;
    } finally {
      await weights?.close();
      if (isLeft) await weights?.leave?.();
    }
  }
}
