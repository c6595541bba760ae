import type { LayerRange, TensorReader } from '@opengateway/core';
import { checkSteps } from '../check-steps.ts';
import type { Engine, EngineInfo, EngineOutput, EngineStep, EngineUsage, SequenceId } from '../engine.ts';
import { UnsupportedModelError } from '../errors.ts';
import { DEFAULT_KV_BUDGET_BYTES, DEFAULT_MAX_SEQUENCES, MAX_BATCH_TOKENS } from './constants.ts';
import { createCounters, type GpuCounters, type MutableCounters } from './counters.ts';
import { GpuDevice, requestGpuDevice } from './device.ts';
import { GpuFailedError } from './errors.ts';
import { ForwardPass, type PassSegment } from './forward-pass.ts';
import { GpuMemory } from './gpu-memory.ts';
import { KvCache } from './kv-cache.ts';
import { OutputReader } from './output-reader.ts';
import { hasOrderedQuads } from './quads.ts';
import { tune, type TuningStore } from './tune.ts';
import { chooseVariant, variantName, type KernelVariant } from './variant.ts';
import { loadWeights } from './weights.ts';

export interface WebGpuEngineComponents {
  readonly reader: TensorReader;
  /** A device that others may use too, or where to get one of the engine's own. @default navigator.gpu */
  readonly gpu?: GpuDevice | GPU;
}

export interface WebGpuEngineInit {
  readonly layers: LayerRange;
  /** @default DEFAULT_KV_BUDGET_BYTES */
  readonly kvBudgetBytes?: number;
  /** @default DEFAULT_MAX_SEQUENCES */
  readonly maxSequences?: number;
  /** @default what the device offers, in float32 */
  readonly variant?: Partial<KernelVariant>;
  /**
   * Chooses kernels by measuring them on the weights, and keeps the choice in the store. A software adapter is
   * left alone unless told otherwise: its compiler would take longer than it could win. @default none
   */
  readonly tuning?: { readonly store?: TuningStore; readonly budgetMs?: number; readonly software?: boolean };
  /** Most bytes bound as one buffer: larger matrices are cut by rows. @default the device's limit */
  readonly maxBindingBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Told when the device is lost, or fails while no forward is under way. */
  readonly onFailure?: (error: unknown) => void;
}

export interface WebGpuEngine extends Engine {
  readonly gpu: GpuDevice;
  /** What has been asked of the GPU so far. */
  counters(): GpuCounters;
  /** Bytes of GPU memory held. */
  memoryBytes(): number;
}

/**
 * The GPU engine: quantised weights as in the file, in WGSL. One command buffer and one small write per
 * forward. Beside the engine's errors, `forward` rejects with `device_lost` or `engine_failed`, both
 * retryable elsewhere; after a loss every later call does.
 *
 * @throws GpuUnavailableError, UnsupportedModelError, GpuMemoryError, what the reader throws, or the signal's reason.
 * @example
 * const engine = await createWebGpuEngine({ reader }, { layers: { start: 0, end: 30 } });
 */
export async function createWebGpuEngine(
  { reader, gpu = globalThis.navigator?.gpu }: WebGpuEngineComponents,
  init: WebGpuEngineInit,
): Promise<WebGpuEngine> {
  init.signal?.throwIfAborted();
  const { architecture } = reader.manifest;
  refuseUnsupported(architecture);
  const isOwn = !(gpu instanceof GpuDevice);
  const device = isOwn ? await requestGpuDevice(gpu) : gpu;
  const release = () => {
    if (!isOwn) return;
    device.release();
    device.device.destroy();
  };
  try {
    device.throwIfFailed();
    const subgroups = await hasOrderedQuads(device);
    const usual = chooseVariant(device, { subgroups, ...init.variant });
    const memory = new GpuMemory(device, init);
    const counters = createCounters();
    return await memory.collect(async () => {
      const weights = await loadWeights({ reader, memory }, init.layers, init);
      const weightBytes = memory.allocatedBytes;
      const { tuning } = init;
      const isTuned = tuning && (tuning.software || !device.isSoftware);
      const tuned = isTuned
        ? await tune({ gpu: device, layers: weights.layers, architecture, store: tuning.store }, usual, tuning.budgetMs)
        : {};
      const variant = { ...usual, ...tuned };
      const maxSequences = init.maxSequences ?? DEFAULT_MAX_SEQUENCES;
      const maxBatchTokens = Math.max(MAX_BATCH_TOKENS, maxSequences);
      const kvBudgetBytes = init.kvBudgetBytes ?? DEFAULT_KV_BUDGET_BYTES;
      const cache = new KvCache(memory, counters, {
        ...architecture,
        cacheType: variant.cacheType,
        layerCount: init.layers.end - init.layers.start,
        budgetBytes: kvBudgetBytes,
        maxSequences,
      });
      const limits = { maxBatchTokens, maxSequences };
      const pass = new ForwardPass({ memory, weights, cache, counters }, architecture, variant, limits);
      const info: EngineInfo = {
        kind: 'webgpu',
        architecture,
        layers: init.layers,
        weightBytes,
        kvBudgetBytes,
        kvBytesPerToken: cache.bytesPerToken,
        maxSequences,
        maxBatchTokens,
        variant: variantName(variant),
        ...(weights.head ? { topK: pass.topK } : {}),
      };
      return new GpuEngine({ memory, cache, pass, counters, release, onFailure: init.onFailure }, info);
    });
  } catch (error) {
    release();
    throw error;
  }
}

class GpuEngine implements WebGpuEngine {
  readonly info: EngineInfo;
  readonly gpu: GpuDevice;
  readonly #memory: GpuMemory;
  readonly #cache: KvCache;
  readonly #counters: MutableCounters;
  readonly #release: () => void;
  readonly #outputs: OutputReader;
  #pass: ForwardPass | null;
  readonly #subscriptions: readonly (() => void)[];
  #turn: Promise<unknown> = Promise.resolve();
  #running = 0;

  constructor(
    parts: {
      memory: GpuMemory;
      cache: KvCache;
      pass: ForwardPass;
      counters: MutableCounters;
      release: () => void;
      onFailure: ((error: unknown) => void) | undefined;
    },
    info: EngineInfo,
  ) {
    this.info = info;
    this.gpu = parts.memory.gpu;
    this.#memory = parts.memory;
    this.#cache = parts.cache;
    this.#pass = parts.pass;
    this.#counters = parts.counters;
    this.#release = parts.release;
    this.#subscriptions = [
      this.gpu.on('lost', ({ detail }) => parts.onFailure?.(detail)),
      this.gpu.on('error', ({ detail }) => {
        if (this.#running === 0) parts.onFailure?.(detail);
      }),
    ];
    this.#outputs = new OutputReader(parts.memory, parts.counters, info, parts.pass.hiddenStride);
  }

  open({ maxTokens }: { maxTokens: number }): SequenceId {
    this.gpu.throwIfFailed();
    return this.#cache.open(maxTokens);
  }

  length(sequence: SequenceId): number {
    return this.#cache.get(sequence).length;
  }

  truncate(sequence: SequenceId, length: number): void {
    this.#cache.truncate(sequence, length);
  }

  close(sequence: SequenceId): void {
    this.#cache.close(sequence);
  }

  usage(): EngineUsage {
    return { sequences: this.#cache.count, kvReservedBytes: this.#cache.reservedBytes };
  }

  counters(): GpuCounters {
    return { ...this.#counters };
  }

  memoryBytes(): number {
    return this.#memory.allocatedBytes;
  }

  /** One at a time: scratch and results are the engine's only ones. */
  forward(steps: readonly EngineStep[]): Promise<readonly EngineOutput[]> {
    this.#running++;
    const result = this.#turn.then(() => this.#forward(steps)).finally(() => this.#running--);
    this.#turn = result.catch(() => {
      // Its caller hears of it; the next forward is another matter.
    });
    return result;
  }

  async #forward(steps: readonly EngineStep[]): Promise<readonly EngineOutput[]> {
    const counts = checkSteps(steps, this.info, (sequence) => this.#cache.get(sequence));
    this.gpu.throwIfFailed();
    if (steps.length === 0 || !this.#pass) return [];
    const segments = steps.map((step, index): PassSegment => {
      return { step, tokens: counts[index]!, sequence: this.#cache.get(step.sequence) };
    });
    const faults = this.gpu.faultCount;
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder({ label: 'forward' });
    const results = this.#pass.run(encoder, segments);
    const copies = this.#outputs.copy(encoder, segments, results);
    device.queue.submit([encoder.finish()]);
    this.#counters.submits++;
    this.#counters.forwards++;
    const outputs = await this.#outputs.read(copies);
    if (!this.#pass) throw new GpuFailedError('the engine was disposed in the middle of a step.');
    // What is reported of this work arrives before its results do.
    this.gpu.throwIfFailed(faults);
    for (const { sequence, tokens } of segments) sequence.length += tokens;
    return outputs;
  }

  dispose(): void {
    if (!this.#pass) return;
    this.#pass = null;
    for (const stopListening of this.#subscriptions) stopListening();
    this.#cache.clear();
    this.#memory.destroy();
    this.#release();
  }
}

function refuseUnsupported(architecture: EngineInfo['architecture']): void {
  const { queryHeadCount, keyValueHeadCount, headSize, hiddenSize, feedForwardSize, ropeDimensionCount } = architecture;
  const multiples: readonly (readonly [string, number, number])[] = [
    ['query heads', queryHeadCount, keyValueHeadCount],
    ['head size', headSize, 8],
    ['hidden size', hiddenSize, 4],
    ['feed-forward size', feedForwardSize, 4],
    ['rotary dimensions', ropeDimensionCount, 2],
  ];
  for (const [name, value, unit] of multiples) {
    if (value % unit !== 0) throw new UnsupportedModelError(`The ${name} (${value}) must be a multiple of ${unit}.`);
  }
  if (ropeDimensionCount > headSize) {
    throw new UnsupportedModelError(`Rotary positions over ${ropeDimensionCount} of ${headSize} dimensions.`);
  }
  if (headSize > 512) throw new UnsupportedModelError(`Heads of ${headSize} dimensions; at most 512 fit the kernels.`);
}
