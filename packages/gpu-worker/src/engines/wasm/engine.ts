import type { LayerRange, TensorReader } from '@opengateway/core';
import { checkSteps } from '../check-steps.ts';
import type { Engine, EngineInfo, EngineOutput, EngineStep, EngineUsage, SequenceId } from '../engine.ts';
import { UnsupportedModelError } from '../errors.ts';
import { DEFAULT_KV_BUDGET_BYTES, DEFAULT_MAX_SEQUENCES, MAX_BATCH_TOKENS, MAX_THREADS } from './constants.ts';
import { ForwardPass, type PassSegment } from './forward-pass.ts';
import { allocateJobMemory } from './job-memory.ts';
import { compileKernels, hasThreads, hostKernelVariant, instantiateKernels, type KernelVariant } from './kernels.ts';
import { KvPages } from './kv-pages.ts';
import { LinearMemory } from './memory.ts';
import { startHelpers } from './threads.ts';
import { loadWeights } from './weights.ts';

export interface WasmEngineComponents {
  readonly reader: TensorReader;
}

export interface WasmEngineInit {
  readonly layers: LayerRange;
  /** @default DEFAULT_KV_BUDGET_BYTES */
  readonly kvBudgetBytes?: number;
  /** @default DEFAULT_MAX_SEQUENCES */
  readonly maxSequences?: number;
  /**
   * Threads that compute, the caller's included; at most `MAX_THREADS`, and 1 where memory cannot be shared.
   *
   * @default 1
   */
  readonly threads?: number;
  /** @default the fastest this host runs */
  readonly variant?: KernelVariant;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * The CPU engine: quantised weights as in the file x int8 or int16 activations, in WASM SIMD.
 *
 * @throws UnsupportedModelError, InsufficientMemoryError, what the reader throws, or the signal's reason.
 * @example
 * const engine = await createWasmEngine({ reader }, { layers: { start: 0, end: 30 } });
 */
export async function createWasmEngine({ reader }: WasmEngineComponents, init: WasmEngineInit): Promise<Engine> {
  init.signal?.throwIfAborted();
  const { architecture } = reader.manifest;
  refuseUnsupported(architecture);
  const variant = init.variant ?? hostKernelVariant();
  const threads = hasThreads() ? Math.min(Math.max(1, init.threads ?? 1), MAX_THREADS) : 1;
  const memory = new LinearMemory({ shared: threads > 1 });
  const module = await compileKernels(variant, threads > 1);
  const kernels = await instantiateKernels(module, memory.memory);
  const weights = await loadWeights({ reader, kernels, memory }, init.layers, init);
  const weightBytes = memory.allocatedBytes;

  const layerCount = init.layers.end - init.layers.start;
  const kvBytesPerToken = layerCount * architecture.keyValueHeadCount * architecture.headSize * 2 * 2;
  const kvBudgetBytes = init.kvBudgetBytes ?? DEFAULT_KV_BUDGET_BYTES;
  const maxSequences = init.maxSequences ?? DEFAULT_MAX_SEQUENCES;
  const maxBatchTokens = Math.max(MAX_BATCH_TOKENS, maxSequences);
  const pages = new KvPages(memory, {
    bytesPerToken: kvBytesPerToken,
    budgetBytes: kvBudgetBytes,
    contextLength: architecture.contextLength,
    maxSequences,
  });
  const jobs = allocateJobMemory(memory, architecture, { threads, maxSequences });
  kernels.initJobs(jobs.control, jobs.scores[0]!, 0, threads);
  const pass = new ForwardPass({ kernels, memory, weights, jobs }, architecture, { maxBatchTokens, maxSequences });
  const info: EngineInfo = {
    kind: 'wasm',
    architecture,
    layers: init.layers,
    weightBytes,
    kvBudgetBytes,
    kvBytesPerToken,
    maxSequences,
    maxBatchTokens,
    variant: threads > 1 ? `${variant}, ${threads} threads` : variant,
  };
  await startHelpers({ module, memory: memory.memory }, jobs);
  return new WasmEngine(info, pages, pass, () => kernels.stopHelpers());
}

class WasmEngine implements Engine {
  readonly info: EngineInfo;
  readonly #pages: KvPages;
  #pass: ForwardPass | null;

  readonly #stopHelpers: () => void;

  constructor(info: EngineInfo, pages: KvPages, pass: ForwardPass, stopHelpers: () => void) {
    this.info = info;
    this.#pages = pages;
    this.#pass = pass;
    this.#stopHelpers = stopHelpers;
  }

  open({ maxTokens }: { maxTokens: number }): SequenceId {
    return this.#pages.open(maxTokens);
  }

  length(sequence: SequenceId): number {
    return this.#pages.get(sequence).length;
  }

  truncate(sequence: SequenceId, length: number): void {
    this.#pages.truncate(sequence, length);
  }

  close(sequence: SequenceId): void {
    this.#pages.close(sequence);
  }

  usage(): EngineUsage {
    return { sequences: this.#pages.count, kvReservedBytes: this.#pages.reservedBytes };
  }

  async forward(steps: readonly EngineStep[]): Promise<readonly EngineOutput[]> {
    const counts = checkSteps(steps, this.info, (sequence) => this.#pages.get(sequence));
    if (steps.length === 0 || !this.#pass) return [];
    const segments = steps.map((step, index): PassSegment => {
      return { step, tokens: counts[index]!, sequence: this.#pages.get(step.sequence) };
    });
    return this.#pass.run(segments);
  }

  dispose(): void {
    if (!this.#pass) return;
    this.#pages.clear();
    this.#pass = null;
    this.#stopHelpers();
  }
}

function refuseUnsupported(architecture: EngineInfo['architecture']): void {
  const { queryHeadCount, keyValueHeadCount, headSize, hiddenSize, feedForwardSize, ropeDimensionCount } = architecture;
  const multiples: readonly (readonly [string, number, number])[] = [
    ['query heads', queryHeadCount, keyValueHeadCount],
    ['head size', headSize, 8],
    ['hidden size', hiddenSize, 4],
    ['feed-forward size', feedForwardSize, 4],
    ['rotary dimensions', ropeDimensionCount, architecture.ropeLayout === 'halves' ? 8 : 4],
  ];
  for (const [name, value, unit] of multiples) {
    if (value % unit !== 0) throw new UnsupportedModelError(`The ${name} (${value}) must be a multiple of ${unit}.`);
  }
  if (ropeDimensionCount > headSize) {
    throw new UnsupportedModelError(`Rotary positions over ${ropeDimensionCount} of ${headSize} dimensions.`);
  }
}
