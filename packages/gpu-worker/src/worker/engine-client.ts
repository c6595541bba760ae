import { fromWire, toWire } from '@opengateway/core';
import { proxy, transfer, wrap } from 'comlink';
import { EngineFailedError } from '../scheduler/errors.ts';
import { CREDIT_GRANT_LAYER_EVENTS, CREDIT_GRANT_TOKENS } from './constants.ts';
import { keepErrorsTyped } from './error-transfer.ts';
import { readFailureNotice } from './failure-notice.ts';
import { linkExchange } from './link-exchange.ts';
import { openSequence, streamSequence } from './sequence-channel.ts';
import { tradedFrom } from './traded-from.ts';
import type {
  GenerateEvent,
  Generator,
  LayerEvent,
  LayerRunner,
  OpenGatewayError,
  WeightsExchange,
} from '@opengateway/core';
import type { Endpoint, ProxyMarked, Remote } from 'comlink';
import type { MeasureRequest } from '../probe/measure-device.ts';
import type { DeviceMeasurement } from '../probe/types.ts';
import type { ExchangeLink } from './link-exchange.ts';
import type { KeepRequest, LoadedModel, LoadProgress, LoadRequest, WorkerApi, WorkerStats } from '../api.ts';

/** One running worker, in the form its host gives it. */
export interface EngineWorkerHandle {
  readonly endpoint: Endpoint;
  /** Calls `listener` once when the worker threw or ended. */
  onFailure(listener: (error: unknown) => void): void;
  terminate(): void | Promise<unknown>;
}

/** The engine worker as the page (or Node's main thread) sees it. Starts its worker on the first call. */
export interface EngineClient {
  readonly generator: Generator;
  /** Sequences on the layers that are loaded. */
  readonly layers: LayerRunner;
  /**
   * Loads a model, replacing the one before. Aborting the signal gives up.
   *
   * @throws `load_aborted`, `self_test_failed`, `unsupported_model`, `engine_failed`, what the weights' source throws.
   */
  load(
    request: LoadRequest,
    options?: { signal?: AbortSignal; onProgress?: (progress: LoadProgress) => void },
  ): Promise<LoadedModel>;
  /**
   * Has a model's weights on disk, in room that is free, and gives them to peers from then on; what was loaded ends.
   * Aborting the signal gives up.
   *
   * @throws `load_aborted`, `storage_too_small`, `storage_full`, what the weights' source throws.
   */
  keep(
    request: KeepRequest,
    options?: { signal?: AbortSignal; onProgress?: (progress: LoadProgress) => void },
  ): Promise<void>;
  setShare(share: number): Promise<void>;
  stats(): Promise<WorkerStats>;
  /** Measures this device; a loaded model ends. */
  measure(request: MeasureRequest): Promise<DeviceMeasurement>;
  unload(): Promise<void>;
  forgetWeights(): Promise<void>;
  /** Ends the worker; what is under way fails with `engine_failed`. The next call starts another. */
  terminate(): Promise<void>;
  /**
   * Calls `listener` with `device_lost` or `engine_failed` when the worker is lost without being asked to end;
   * returns what ends that.
   */
  onCrash(listener: (error: OpenGatewayError) => void): () => void;
}

type Report = ((progress: LoadProgress) => void) & ProxyMarked;

interface RunningWorker {
  readonly handle: EngineWorkerHandle;
  readonly api: Remote<WorkerApi>;
  /** Told once, when the worker is gone. */
  readonly onLost: Set<(error: OpenGatewayError) => void>;
}

export interface EngineClientInit {
  /** Trades chunks of weights with peers. @default they come from the server only */
  readonly weights?: Pick<WeightsExchange, 'join'> | undefined;
}

export function createEngineClientFor(spawn: () => EngineWorkerHandle, init: EngineClientInit = {}): EngineClient {
  keepErrorsTyped();
  const crashListeners = new Set<(error: OpenGatewayError) => void>();
  let running: RunningWorker | null = null;
  /** Of the model that is loaded, or being loaded. */
  let link: ExchangeLink | null = null;
  const unlink = () => {
    link?.close();
    link = null;
  };
  const linkTo = ({ manifest, weights: location }: KeepRequest): MessagePort | undefined => {
    unlink();
    if (init.weights === undefined) return undefined;
    const traded = tradedFrom(manifest, location);
    if (traded === undefined) return undefined;
    const { port1, port2 } = new MessageChannel();
    link = linkExchange(port1, { exchange: init.weights, ...traded });
    return port2;
  };

  const lose = (worker: RunningWorker, error: OpenGatewayError) => {
    if (running !== worker) return false;
    running = null;
    unlink();
    for (const tell of worker.onLost) tell(error);
    worker.onLost.clear();
    return true;
  };
  const start = (): RunningWorker => {
    const handle = spawn();
    const worker: RunningWorker = { handle, api: wrap<WorkerApi>(handle.endpoint), onLost: new Set() };
    const end = (error: OpenGatewayError) => {
      if (!lose(worker, error)) return;
      void handle.terminate();
      for (const listener of crashListeners) listener(error);
    };
    handle.onFailure((cause) => end(failed(cause)));
    handle.endpoint.addEventListener('message', (event) => {
      const error = readFailureNotice((event as MessageEvent).data);
      if (error !== null) end(error.code === 'device_lost' ? fromWire(error) : failed(error));
    });
    return worker;
  };
  const worker = () => (running ??= start());

  /** A call to the worker that also ends when the worker does. */
  const call = async <Result>(
    { api, onLost }: RunningWorker,
    method: (api: Remote<WorkerApi>) => Promise<Result>,
  ): Promise<Result> => {
    const { promise: lost, reject } = Promise.withResolvers<never>();
    onLost.add(reject);
    try {
      return await Promise.race([method(api), lost]);
    } finally {
      onLost.delete(reject);
    }
  };

  /** Hands a sequence's port to the worker, for as long as there is one. */
  const begin =
    (method: (api: Remote<WorkerApi>, port: MessagePort) => Promise<void>) =>
    (port: MessagePort, fail: (error: unknown) => void) => {
      const { api, onLost } = worker();
      onLost.add(fail);
      method(api, port).catch(fail);
      return () => void onLost.delete(fail);
    };

  /** Hands a model to the worker in place of what it had, and links it to those who trade its chunks. */
  const replace = async <Result>(
    request: KeepRequest,
    { signal, onProgress }: { signal?: AbortSignal; onProgress?: (progress: LoadProgress) => void } = {},
    method: (api: Remote<WorkerApi>, report: Report, port: MessagePort | undefined) => Promise<Result>,
  ): Promise<Result> => {
    signal?.throwIfAborted();
    const loader = worker();
    const giveUp = () => void call(loader, (api) => api.unload()).catch(() => {});
    signal?.addEventListener('abort', giveUp, { once: true });
    const port = linkTo(request);
    const own = link;
    const report = proxy((progress: LoadProgress) => onProgress?.(withSources(progress, own)));
    try {
      return await call(loader, (api) => method(api, report, port));
    } catch (error) {
      if (link === own) unlink();
      throw error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  };

  return {
    generator: {
      generate: (request, { signal }) =>
        streamSequence<GenerateEvent>({
          signal,
          grantEvents: CREDIT_GRANT_TOKENS,
          start: begin((api, port) => api.generate(request, port)),
        }),
    },
    layers: {
      run: (request, { signal }) =>
        openSequence<LayerEvent>({
          signal,
          grantEvents: CREDIT_GRANT_LAYER_EVENTS,
          start: begin((api, port) => api.runLayers(request, port)),
        }),
    },
    load: (request, options) =>
      replace(request, options, (api, report, port) =>
        port === undefined ? api.load(request, report) : api.load(request, report, transfer(port, [port])),
      ),
    keep: (request, options) =>
      replace(request, options, (api, report, port) =>
        port === undefined ? api.keep(request, report) : api.keep(request, report, transfer(port, [port])),
      ),
    setShare: async (share) => {
      if (running !== null) await call(running, (api) => api.setShare(share));
    },
    stats: () => call(worker(), (api) => api.stats()),
    measure: (request) => {
      unlink();
      return call(worker(), (api) => api.measure(request));
    },
    unload: async () => {
      unlink();
      if (running !== null) await call(running, (api) => api.unload());
    },
    forgetWeights: () => {
      unlink();
      return call(worker(), (api) => api.forgetWeights());
    },
    async terminate() {
      const ending = running;
      if (ending === null) return;
      lose(ending, new EngineFailedError("The engine's worker was ended."));
      await ending.handle.terminate();
    },
    onCrash(listener) {
      crashListeners.add(listener);
      return () => void crashListeners.delete(listener);
    },
  };
}

function withSources(progress: LoadProgress, link: ExchangeLink | null): LoadProgress {
  const stats = link?.stats();
  if (progress.type !== 'weights-progress' || stats === undefined) return progress;
  const { fromPeersBytes, fromServerBytes, peers, bytesPerSecond } = stats;
  return { ...progress, sources: { fromPeersBytes, fromServerBytes, peers, bytesPerSecond } };
}

const failed = (cause: unknown): OpenGatewayError =>
  new EngineFailedError(`The engine's worker was lost: ${toWire(cause).message}`, { cause });
