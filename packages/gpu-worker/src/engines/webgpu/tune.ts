import type { ModelArchitecture } from '@opengateway/core';
import { createActivations, type Activations } from './activations.ts';
import { createCounters } from './counters.ts';
import type { GpuDevice } from './device.ts';
import { GpuMemory } from './gpu-memory.ts';
import { recordWords } from './kernels/step-layout.ts';
import { pipelinesOf } from './pipelines.ts';
import { Product } from './product.ts';
import { Recorder } from './recorder.ts';
import { Readback } from './readback.ts';
import { StepBuffer } from './step-buffer.ts';
import { Uniforms } from './uniforms.ts';
import type { KernelVariant } from './variant.ts';
import type { LayerWeights } from './weights.ts';

/** Where what was measured is kept, per device and shape; errors are the caller's to swallow. */
export interface TuningStore {
  get(key: string): Promise<string | undefined> | string | undefined;
  set(key: string, value: string): Promise<void> | void;
}

export interface TuneComponents {
  readonly gpu: GpuDevice;
  readonly layers: readonly LayerWeights[];
  readonly architecture: ModelArchitecture;
  readonly store?: TuningStore | undefined;
  /** Milliseconds with fractions. @default performance.now */
  readonly now?: (() => number) | undefined;
}

/** What tuning chooses; none of it changes a bit of a result. */
export type TunedVariant = Pick<KernelVariant, 'subgroups' | 'rowsPerThread' | 'maxMatvecTokens'>;

/** Time after which no further candidate is tried. */
export const DEFAULT_TUNING_MS = 1000;
/** Passes over the layers per candidate, of which the fastest counts. */
const MEASURED_PASSES = 3;
/** Layers measured: enough that no cache holds their weights. */
const MEASURED_LAYERS = 8;
const CHECKED_TOKENS = 32;

/**
 * Chooses the fastest matrix-vector kernels for this device and model by running them on the loaded weights;
 * those that do not give the very bits of the tiled kernels are not considered. Takes about `budgetMs`, or
 * nothing where the store knows the answer.
 */
export async function tune(
  components: TuneComponents,
  variant: KernelVariant,
  budgetMs = DEFAULT_TUNING_MS,
): Promise<TunedVariant> {
  const { gpu, store, layers, architecture } = components;
  const types = layers[0]!.gate.concat(layers[0]!.up).map(({ type }) => type);
  const { hiddenSize, feedForwardSize } = architecture;
  const key = `webgpu-tuning/1 ${gpu.description} ${hiddenSize}x${feedForwardSize} ${types.join('+')} ${variant.arithmetic}`;
  const known = parseTuned(await store?.get(key), gpu);
  if (known) return known;
  const memory = new GpuMemory(gpu);
  try {
    const tuned = await new Tuning(memory, components, variant).choose(budgetMs);
    await store?.set(key, JSON.stringify(tuned));
    return tuned;
  } finally {
    memory.destroy();
  }
}

class Tuning {
  readonly #memory: GpuMemory;
  readonly #components: TuneComponents;
  readonly #variant: KernelVariant;
  readonly #activations: Activations;
  readonly #step: StepBuffer;
  readonly #stepBuffer: GPUBuffer;
  readonly #uniforms: Uniforms;
  readonly #readback: Readback;
  readonly #now: () => number;

  constructor(memory: GpuMemory, components: TuneComponents, variant: KernelVariant) {
    const { architecture } = components;
    this.#memory = memory;
    this.#components = components;
    this.#variant = variant;
    this.#activations = createActivations(memory, architecture, CHECKED_TOKENS);
    this.#step = new StepBuffer(architecture, CHECKED_TOKENS);
    this.#stepBuffer = memory.allocate('tuning step', this.#step.byteLength);
    this.#uniforms = new Uniforms(memory);
    this.#readback = new Readback(memory);
    this.#now = components.now ?? (() => performance.now());
    const { strides, hidden } = this.#activations;
    // Any numbers do that differ from column to column and token to token.
    const inputs = Float32Array.from({ length: CHECKED_TOKENS * strides.hidden }, (_, index) =>
      index % strides.hidden < architecture.hiddenSize ? Math.sin(index * 1.7) : 0,
    );
    memory.gpu.device.queue.writeBuffer(hidden, 0, inputs);
  }

  async choose(budgetMs: number): Promise<TunedVariant> {
    const startedMs = this.#now();
    const expected = await this.#bits({ ...this.#variant, maxMatvecTokens: 0 }, CHECKED_TOKENS);
    let best: { variant: KernelVariant; ms: number } | null = null;
    for (const subgroups of this.#variant.subgroups ? [true, false] : [false]) {
      for (const rowsPerThread of [1, 2, 4] as const) {
        if (best && this.#now() - startedMs > budgetMs) break;
        const variant: KernelVariant = { ...this.#variant, subgroups, rowsPerThread, maxMatvecTokens: 1 };
        if (!isStart(await this.#bits(variant, 1), expected)) continue;
        const ms = await this.#time(variant, 1);
        if (!best || ms < best.ms) best = { variant, ms };
      }
    }
    // Tiles alone are of one order of sums with themselves.
    if (!best) return { subgroups: false, rowsPerThread: 1, maxMatvecTokens: 0 };
    const { subgroups, rowsPerThread } = best.variant;
    const four: KernelVariant = { ...best.variant, maxMatvecTokens: 4 };
    const isFaster =
      this.#now() - startedMs < 2 * budgetMs &&
      isStart(await this.#bits(four, 2), expected) &&
      isStart(await this.#bits(four, 4), expected) &&
      (await this.#time(four, 4)) < (await this.#time(best.variant, 4));
    return { subgroups, rowsPerThread, maxMatvecTokens: isFaster ? 4 : 1 };
  }

  /** The first layer's gated activations of the first `tokens` tokens. */
  async #bits(variant: KernelVariant, tokens: number): Promise<Float32Array> {
    const bytes = tokens * this.#activations.strides.gated * 4;
    const buffer = this.#readback.take(bytes);
    this.#run([this.#product(this.#components.layers[0]!, variant)], tokens, (encoder) => {
      encoder.copyBufferToBuffer(this.#activations.gated, 0, buffer, 0, bytes);
    });
    let values = new Float32Array(0);
    await this.#readback.read(buffer, bytes, (data) => {
      values = new Float32Array(data.slice(0));
    });
    return values;
  }

  async #time(variant: KernelVariant, tokens: number): Promise<number> {
    const layers = this.#components.layers.slice(0, MEASURED_LAYERS);
    const products = layers.map((layer) => this.#product(layer, variant));
    const { gpu } = this.#memory;
    let fastestMs = Number.POSITIVE_INFINITY;
    // The first pass compiles.
    for (let pass = 0; pass <= MEASURED_PASSES; pass++) {
      const startedMs = this.#now();
      this.#run(products, tokens);
      await gpu.race(gpu.device.queue.onSubmittedWorkDone());
      if (pass > 0) fastestMs = Math.min(fastestMs, this.#now() - startedMs);
    }
    return fastestMs;
  }

  #run(products: readonly Product[], tokens: number, after?: (encoder: GPUCommandEncoder) => void): void {
    const { device } = this.#memory.gpu;
    this.#step.clear();
    for (let token = 0; token < tokens; token++) this.#step.addToken(0, 0, 0);
    this.#step.write(device.queue, this.#stepBuffer);
    const encoder = device.createCommandEncoder({ label: 'tuning' });
    const pass = encoder.beginComputePass({ label: 'tuning' });
    const recorder = new Recorder(pass, createCounters());
    for (const product of products) product.record(recorder, tokens);
    pass.end();
    after?.(encoder);
    device.queue.submit([encoder.finish()]);
  }

  #product(layer: LayerWeights, variant: KernelVariant): Product {
    const { rmsNormEpsilon, ropeDimensionCount } = this.#components.architecture;
    const { hidden, gated, strides } = this.#activations;
    return new Product(
      {
        pipelines: pipelinesOf(this.#memory.gpu.device),
        step: this.#stepBuffer,
        scratch: this.#activations,
        uniforms: this.#uniforms,
      },
      {
        parts: layer.gate.map((gate, index) => ({ matrices: [gate, layer.up[index]!], offset: gate.firstRow })),
        input: hidden,
        norm: { weight: layer.feedForwardNorm, epsilon: rmsNormEpsilon },
        output: gated,
        outputStride: strides.gated,
        mode: 'store',
        source: 'tokens',
        recordWords: recordWords(ropeDimensionCount),
      },
      variant,
    );
  }
}

function isStart(values: Float32Array, whole: Float32Array): boolean {
  const left = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const right = new Uint32Array(whole.buffer, whole.byteOffset, values.length);
  return left.every((bits, index) => bits === right[index]);
}

/** What the store holds, if it is of this form and fits the device: anyone may have written it. */
function parseTuned(text: string | undefined, gpu: GpuDevice): TunedVariant | null {
  if (text === undefined) return null;
  try {
    const { subgroups, rowsPerThread, maxMatvecTokens } = JSON.parse(text) as Partial<TunedVariant>;
    if (subgroups !== (subgroups === true && gpu.features.subgroups)) return null;
    if (rowsPerThread !== 1 && rowsPerThread !== 2 && rowsPerThread !== 4) return null;
    if (maxMatvecTokens !== 0 && maxMatvecTokens !== 1 && maxMatvecTokens !== 4) return null;
    return { subgroups, rowsPerThread, maxMatvecTokens };
  } catch {
    // Not JSON: as good as nothing stored.
    return null;
  }
}
