import type { Engine, SequenceId } from '../engines/engine.ts';
import type {
  WebLlmEngine,
  WebLlmEngineConfig,
  WebLlmLibrary,
  WebLlmModelSettings,
} from '../engines/webllm/library.ts';
import type { WatchedGpu } from '../engines/webllm/gpu-watch.ts';

export interface StandInWebLlmInit {
  /** Computes in place of the GPU: makes an engine of the whole model. */
  readonly createModel: () => Promise<Engine>;
  /** Asked for a device while loading, as the library asks `navigator.gpu`. */
  readonly gpu: WatchedGpu;
  /** Rows of logits beyond the model's vocabulary, as packages round up. @default 0 */
  readonly paddedRows?: number;
  /** @default 2 */
  readonly shards?: number;
  /** Awaited before each shard is fetched: to wait, or to fail. */
  readonly onShard?: (index: number) => void | Promise<void>;
  /** Awaited in every forward: to take time, to wait, or to fail. */
  readonly onForward?: (tokens: readonly number[]) => void | Promise<void>;
  /** @default [] */
  readonly prebuilt?: WebLlmLibrary['prebuiltAppConfig']['model_list'];
}

/**
 * A stand-in for @mlc-ai/web-llm in tests without a GPU: what is used of it, in the same order, with the
 * same errors (thrown as it throws them: by name, as plain errors, as strings) and the same state. It forgets
 * an interrupted load, frees itself when its device is lost, and breaks when it is called twice at once.
 */
export class StandInWebLlm implements WebLlmLibrary {
  readonly MLCEngine: WebLlmLibrary['MLCEngine'];
  readonly prebuiltAppConfig: WebLlmLibrary['prebuiltAppConfig'];
  /** Engines made, in order. */
  readonly engines: StandInMlcEngine[] = [];

  constructor(init: StandInWebLlmInit) {
    const { engines } = this;
    this.prebuiltAppConfig = { model_list: init.prebuilt ?? [] };
    this.MLCEngine = class extends StandInMlcEngine {
      constructor(config: WebLlmEngineConfig) {
        super(config, init);
        engines.push(this);
      }
    };
  }
}

export class StandInMlcEngine implements WebLlmEngine {
  readonly config: WebLlmEngineConfig;
  readonly #init: StandInWebLlmInit;
  /** Token ids of each forward, and `reset` where the sequence was emptied. */
  readonly calls: (readonly number[] | 'reset')[] = [];
  settings: Partial<WebLlmModelSettings> | null = null;
  #model: { readonly engine: Engine; readonly sequence: SequenceId; readonly id: string } | null = null;
  #device: GPUDevice | null = null;
  #reloading: AbortController | null = null;
  #busy = false;

  constructor(config: WebLlmEngineConfig, init: StandInWebLlmInit) {
    this.config = config;
    this.#init = init;
  }

  get loaded(): boolean {
    return this.#model !== null;
  }

  async reload(modelId: string, settings: Partial<WebLlmModelSettings>): Promise<void> {
    await this.unload();
    this.#reloading = new AbortController();
    try {
      await this.#reload(modelId, settings, this.#reloading.signal);
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return;
      throw error;
    } finally {
      this.#reloading = null;
    }
  }

  async #reload(modelId: string, settings: Partial<WebLlmModelSettings>, signal: AbortSignal): Promise<void> {
    const { gpu, createModel, shards = 2, onShard } = this.#init;
    const record = this.config.appConfig.model_list.find(({ model_id }) => model_id === modelId);
    if (!record) throw libraryError('ModelNotFoundError', `Cannot find model record in appConfig for ${modelId}.`);
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) throw new Error('Unable to find a compatible GPU.');
    const device = await adapter.requestDevice();
    for (const feature of record.required_features ?? []) {
      if (device.features.has(feature)) continue;
      if (feature === 'shader-f16') throw libraryError('ShaderF16SupportError', 'This model requires shader-f16.');
      throw libraryError('FeatureSupportError', `This model requires feature ${feature}, which is not yet supported.`);
    }
    this.#device = device;
    let lostWhileLoading = false;
    const watch = async () => {
      await device.lost;
      if (this.#device !== device) return;
      lostWhileLoading = true;
      await this.unload();
    };
    void watch();
    const report = (progress: number, text: string) => this.config.initProgressCallback({ progress, text });
    report(0, 'Start to fetch params');
    for (let index = 0; index < shards; index++) {
      await onShard?.(index);
      // The library hands its reason, a string, to fetch, which throws it as it is.
      if (signal.aborted) throw signal.reason;
      report((index + 1) / shards, `Fetching param cache[${index + 1}/${shards}]`);
    }
    for (let index = 0; index < shards; index++) {
      report((index + 1) / shards, `Loading model from cache[${index + 1}/${shards}]`);
    }
    const engine = await createModel();
    const window = settings.context_window_size ?? -1;
    if (window < 1) throw libraryError('WindowSizeSpecificationError', 'Need to specify max_window_size.');
    this.#model = { engine, sequence: engine.open({ maxTokens: window }), id: modelId };
    this.settings = settings;
    report(1, 'Finish loading on WebGPU - stand-in');
    if (lostWhileLoading) throw libraryError('DeviceLostError', 'The WebGPU device was lost while loading the model.');
  }

  async forwardTokensAndSample(inputIds: number[], _isPrefill: boolean): Promise<number> {
    if (this.#model === null) throw libraryError('ModelNotLoadedError', 'Model not loaded before trying to complete.');
    if (this.#busy) throw new Error('Internal Error: two calls at once.');
    this.#busy = true;
    this.calls.push(inputIds);
    try {
      const { engine, sequence, id } = this.#model;
      await this.#init.onForward?.(inputIds);
      let row = new Float32Array(0);
      for (let start = 0; start < inputIds.length; start += engine.info.maxBatchTokens) {
        const input = Int32Array.from(inputIds.slice(start, start + engine.info.maxBatchTokens));
        const [output] = await engine.forward([{ sequence, input, output: 'last-logits' }]);
        row = Float32Array.from(output!.values);
      }
      if (!this.loaded) throw new DOMException('A valid external Instance reference no longer exists.', 'AbortError');
      const padded = new Float32Array(row.length + (this.#init.paddedRows ?? 0));
      padded.set(row);
      const processor = this.config.logitProcessorRegistry.get(id);
      const logits = processor?.processLogits(padded) ?? padded;
      const token = logits.reduce((best, value, index) => (value > logits[best]! ? index : best), 0);
      processor?.processSampledToken(token);
      return token;
    } finally {
      this.#busy = false;
    }
  }

  async resetChat(): Promise<void> {
    if (this.#model === null) throw libraryError('ModelNotLoadedError', 'Model not loaded before trying to complete.');
    if (this.#busy) throw new Error('Internal Error: two calls at once.');
    this.calls.push('reset');
    this.#model.engine.truncate(this.#model.sequence, 0);
    this.config.logitProcessorRegistry.get(this.#model.id)?.resetState();
  }

  async unload(): Promise<void> {
    const device = this.#device;
    this.#device = null;
    this.#model?.engine.dispose();
    this.#model = null;
    device?.destroy();
    this.#reloading?.abort('Engine.unload() is called.');
  }
}

function libraryError(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}
