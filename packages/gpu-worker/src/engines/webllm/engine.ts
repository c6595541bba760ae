import { isWholeModel } from '@opengateway/core';
import { checkSteps } from '../check-steps.ts';
import { InvalidStepError, UnsupportedModelError } from '../errors.ts';
import { KvReservations, type ReservedSequence } from '../kv-reservations.ts';
import { GpuUnavailableError } from '../webgpu/errors.ts';
import { classifyFailure } from './classify-failure.ts';
import { DEFAULT_KV_BUDGET_BYTES, MAX_BATCH_TOKENS, PAGE_POSITIONS } from './constants.ts';
import { PackageMemoryError } from './errors.ts';
import { loadModel, type LoadedLibrary } from './load-model.ts';
import { checkPackage, describePackage, findRecord } from './package.ts';
import type { LayerRange, ModelArchitecture, ModelManifest, ModelPackage, OpenGatewayError } from '@opengateway/core';
import type { Engine, EngineInfo, EngineOutput, EngineStep, EngineUsage, SequenceId } from '../engine.ts';
import type { WatchedGpu } from './gpu-watch.ts';
import type { WebLlmLibrary, WebLlmModelRecord } from './library.ts';
import type { PackageDescription } from './package.ts';

export interface WebLlmEngineComponents {
  /** Imports the library: called once a package is to be loaded, and not before. */
  readonly library: () => Promise<WebLlmLibrary>;
  /** `navigator.gpu`. */
  readonly gpu: WatchedGpu | undefined;
  readonly fetch: typeof globalThis.fetch;
}

export interface WebLlmEngineInit {
  /** Tokenizer and shapes; its files are not read. */
  readonly manifest: ModelManifest;
  readonly layers: LayerRange;
  /** Addresses absolute. */
  readonly package: ModelPackage;
  /**
   * The library takes its whole cache at once: this and the context window bound it.
   *
   * @default DEFAULT_KV_BUDGET_BYTES
   */
  readonly kvBudgetBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Called once it is clear that the device can run it; the library loads afterwards. @default it fetches by itself */
  readonly fetchWeights?: () => Promise<void>;
  /** Told once when the GPU is lost, whether something is being computed or not. */
  readonly onFailure?: (error: OpenGatewayError) => void;
}

/**
 * WebLLM as an engine: a whole model from an MLC package, one sequence at a time.
 *
 * Only its forward pass is used: tokens go in, and the logits are taken on the way to its own sampling, so
 * that prompts, sampling, stops and counts are the same as with every other engine.
 *
 * @throws UnsupportedModelError, InvalidPackageError, PackageUnavailableError, GpuUnavailableError,
 * GpuFeatureMissingError, `insufficient_memory`, DeviceLostError, WebLlmFailedError, or the signal's reason.
 * @example
 * const engine = await createWebLlmEngine(
 *   { library: importWebLlm, gpu: navigator.gpu, fetch },
 *   { manifest, layers: { start: 0, end: 30 }, package: { engine: 'webllm', modelUrl, modelLibUrl } },
 * );
 */
export async function createWebLlmEngine(components: WebLlmEngineComponents, init: WebLlmEngineInit): Promise<Engine> {
  const { manifest, layers, signal } = init;
  const { architecture } = manifest;
  signal?.throwIfAborted();
  if (!isWholeModel(layers, architecture.layerCount)) {
    throw new UnsupportedModelError(
      `WebLLM computes whole models, not layers ${layers.start} to ${layers.end} of ${architecture.layerCount}.`,
    );
  }
  const { gpu } = components;
  if (gpu === undefined) throw new GpuUnavailableError('This browser does not offer WebGPU, which WebLLM needs.');
  const library = await importLibrary(components.library);
  signal?.throwIfAborted();
  const record = findRecord(init.package, library.prebuiltAppConfig.model_list);
  const description = await describePackage(components.fetch, record, signal);
  checkPackage(description, architecture);
  const kvBytesPerToken = cacheBytesPerToken(architecture, description);
  const contextWindow = chooseWindow(record, description, architecture, {
    kvBytesPerToken,
    kvBudgetBytes: init.kvBudgetBytes ?? DEFAULT_KV_BUDGET_BYTES,
  });
  const { onProgress, fetchWeights } = init;
  const loaded = await loadModel(library, gpu, {
    record,
    description,
    contextWindow,
    signal,
    onProgress,
    fetchWeights,
  });
  return new WebLlmBackedEngine(
    {
      kind: 'webllm',
      architecture,
      layers,
      weightBytes: description.weightBytes,
      kvBudgetBytes: contextWindow * kvBytesPerToken,
      kvBytesPerToken,
      maxSequences: 1,
      maxBatchTokens: MAX_BATCH_TOKENS,
      variant: description.quantization,
    },
    loaded,
    init.onFailure,
  );
}

class WebLlmBackedEngine implements Engine {
  readonly info: EngineInfo;
  readonly #library: LoadedLibrary;
  readonly #places: KvReservations;
  /** Tokens of the open sequence, to be read again after a cut. */
  #tokens: number[] = [];
  /** Of `#tokens`, those in the library's cache; -1 where that holds something else. */
  #cached = -1;
  /** GPU failures that were told. */
  #faults: number;
  #working: Promise<unknown> = Promise.resolve();
  #disposed = false;

  constructor(info: EngineInfo, library: LoadedLibrary, onFailure?: (error: OpenGatewayError) => void) {
    this.info = info;
    this.#library = library;
    this.#places = new KvReservations({
      pagePositions: PAGE_POSITIONS,
      maxPages: info.kvBudgetBytes / info.kvBytesPerToken / PAGE_POSITIONS,
      contextLength: info.architecture.contextLength,
      maxSequences: info.maxSequences,
    });
    this.#faults = library.gpu.faultCount;
    void this.#watch(onFailure);
  }

  open({ maxTokens }: { maxTokens: number }): SequenceId {
    const { id } = this.#places.open(maxTokens);
    this.#tokens = [];
    this.#cached = -1;
    return id;
  }

  length(sequence: SequenceId): number {
    return this.#places.get(sequence).length;
  }

  truncate(sequence: SequenceId, length: number): void {
    if (length === this.length(sequence)) return;
    this.#places.truncate(sequence, length);
    this.#tokens.length = length;
    // The library can only forget everything.
    this.#cached = -1;
  }

  close(sequence: SequenceId): void {
    this.#places.close(sequence);
  }

  usage(): EngineUsage {
    const { reservedPages, count } = this.#places;
    return { sequences: count, kvReservedBytes: reservedPages * PAGE_POSITIONS * this.info.kvBytesPerToken };
  }

  async forward(steps: readonly EngineStep[]): Promise<readonly EngineOutput[]> {
    checkSteps(steps, this.info, (id) => this.#places.get(id));
    const [step] = steps;
    if (step === undefined) return [];
    if (step.output === 'hidden') throw new InvalidStepError('WebLLM gives logits, no hidden states.');
    const work = this.#compute(step, this.#places.get(step.sequence));
    this.#working = work.catch(() => {});
    return [{ values: await work }];
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#places.clear();
    const { engine, gpu } = this.#library;
    gpu.release();
    // Freeing what the GPU still works on would break it.
    await this.#working;
    try {
      await engine.unload();
    } catch {
      // A lost device frees itself; there is nothing left to let go of.
    }
    gpu.device.destroy();
  }

  async #watch(onFailure?: (error: OpenGatewayError) => void): Promise<void> {
    const error = await this.#library.gpu.lost;
    if (!this.#disposed) onFailure?.(error);
  }

  async #compute(step: EngineStep, sequence: ReservedSequence): Promise<Float32Array> {
    const { engine } = this.#library;
    const input = Array.from(step.input);
    try {
      this.#throwIfFailed();
      if (this.#cached < 0) {
        await engine.resetChat(true);
        this.#cached = 0;
      }
      await this.#read(this.#tokens.slice(this.#cached));
      const values = step.output === 'all-logits' ? await this.#readEach(input) : await this.#read(input);
      this.#throwIfFailed();
      this.#tokens.push(...input);
      sequence.length = this.#tokens.length;
      return step.output === 'none' ? values.subarray(0, 0) : values;
    } catch (error) {
      // Whatever it holds now, the next forward starts from the tokens.
      this.#cached = -1;
      throw classifyFailure(error);
    }
  }

  /** Failures that no call was waiting for are told late: the next work fails with them. */
  #throwIfFailed(): void {
    const { gpu } = this.#library;
    const since = this.#faults;
    this.#faults = gpu.faultCount;
    gpu.throwIfFailed(since);
  }

  /** Logits after the last of `tokens`; empty where there are none. */
  async #read(tokens: readonly number[]): Promise<Float32Array> {
    const { engine, tap, gpu } = this.#library;
    let logits: Float32Array = new Float32Array(0);
    for (let start = 0; start < tokens.length; start += MAX_BATCH_TOKENS) {
      const chunk = tokens.slice(start, start + MAX_BATCH_TOKENS);
      await gpu.race(engine.forwardTokensAndSample(chunk, chunk.length > 1 || this.#cached === 0));
      logits = tap.take(this.info.architecture.vocabularySize);
      this.#cached += chunk.length;
    }
    return logits;
  }

  /** Logits after each of `tokens`: the library gives one row per call. */
  async #readEach(tokens: readonly number[]): Promise<Float32Array> {
    const { vocabularySize } = this.info.architecture;
    const rows = new Float32Array(tokens.length * vocabularySize);
    for (const [index, token] of tokens.entries()) rows.set(await this.#read([token]), index * vocabularySize);
    return rows;
  }
}

async function importLibrary(library: WebLlmEngineComponents['library']): Promise<WebLlmLibrary> {
  try {
    return await library();
  } catch (error) {
    throw classifyFailure(error);
  }
}

/** Keys and values of every layer, in the precision the package computes in. */
function cacheBytesPerToken(architecture: ModelArchitecture, { computesInHalf }: PackageDescription): number {
  const { layerCount, keyValueHeadCount, headSize } = architecture;
  return 2 * layerCount * keyValueHeadCount * headSize * (computesInHalf ? 2 : 4);
}

/** Positions the cache is made for: the least of what catalogue or package, the model and the budget allow. */
function chooseWindow(
  { overrides }: WebLlmModelRecord,
  { contextWindow }: PackageDescription,
  { contextLength }: ModelArchitecture,
  { kvBytesPerToken, kvBudgetBytes }: { kvBytesPerToken: number; kvBudgetBytes: number },
): number {
  const wanted = overrides?.context_window_size ?? contextWindow ?? contextLength;
  const most = Math.min(wanted, contextLength, Math.floor(kvBudgetBytes / kvBytesPerToken));
  const pages = Math.floor(most / PAGE_POSITIONS);
  if (pages < 1) throw new PackageMemoryError();
  return pages * PAGE_POSITIONS;
}
