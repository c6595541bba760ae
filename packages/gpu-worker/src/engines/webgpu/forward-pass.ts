import type { ModelArchitecture } from '@opengateway/core';
import type { EngineStep } from '../engine.ts';
import { createActivations, type Activations } from './activations.ts';
import { TOP_K } from './constants.ts';
import type { MutableCounters } from './counters.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { attention } from './kernels/attention.wgsl.ts';
import { embedding, embeddingGroups } from './kernels/embedding.wgsl.ts';
import type { Kernel } from './kernels/kernel.ts';
import { recordWords } from './kernels/step-layout.ts';
import { storeKeyValue } from './kernels/store-key-value.wgsl.ts';
import { topK, topKWords } from './kernels/top-k.wgsl.ts';
import type { GpuSequence, KvCache } from './kv-cache.ts';
import { pipelinesOf, type Binding, type PipelineCache } from './pipelines.ts';
import { Product, type ProductInit } from './product.ts';
import { Recorder, type BoundKernel } from './recorder.ts';
import { StepBuffer } from './step-buffer.ts';
import { Uniforms } from './uniforms.ts';
import type { KernelVariant } from './variant.ts';
import type { StackedPart, Weights } from './weights.ts';

/** A checked step with its sequence and token count. */
export interface PassSegment {
  readonly step: EngineStep;
  readonly tokens: number;
  readonly sequence: GpuSequence;
}

/** Where the results of a pass lie on the GPU: rows of tokens, rows of logits, the first of them for top-k. */
export interface PassResults {
  readonly hidden: GPUBuffer;
  readonly logits: GPUBuffer | null;
  readonly top: GPUBuffer | null;
  /** First row of each segment: of `hidden`, of `logits` or of `top`, by what its step asks for. */
  readonly firstRows: readonly number[];
}

/** Floats of pages' sums in attention's workgroup memory: 8 KiB. */
const MIXED_FLOATS = 2048;

interface LayerKernels {
  readonly projections: Product;
  readonly storeKeyValue: BoundKernel;
  readonly attention: BoundKernel;
  readonly attentionOutput: Product;
  readonly gateUp: Product;
  readonly down: Product;
}

/**
 * One pass over the layers for all tokens of a forward: six dispatches a layer in decode where a layer's
 * matrices are of one type. Everything but the sizes of dispatches is made once.
 */
export class ForwardPass {
  readonly #memory: GpuMemory;
  readonly #pipelines: PipelineCache;
  readonly #counters: MutableCounters;
  readonly #architecture: ModelArchitecture;
  readonly #variant: KernelVariant;
  readonly #weights: Weights;
  readonly #activations: Activations;
  readonly #cache: KvCache;
  readonly #uniforms: Uniforms;
  readonly #step: StepBuffer;
  readonly #stepBuffer: GPUBuffer;
  readonly #embeddings: readonly BoundKernel[];
  readonly #layers: readonly LayerKernels[];
  readonly #top: GPUBuffer | null;
  #head: {
    readonly logits: GPUBuffer;
    readonly rows: number;
    readonly product: Product;
    readonly top: BoundKernel;
  } | null = null;

  constructor(
    {
      memory,
      weights,
      cache,
      counters,
    }: { memory: GpuMemory; weights: Weights; cache: KvCache; counters: MutableCounters },
    architecture: ModelArchitecture,
    variant: KernelVariant,
    { maxBatchTokens, maxSequences }: { maxBatchTokens: number; maxSequences: number },
  ) {
    this.#memory = memory;
    this.#pipelines = pipelinesOf(memory.gpu.device);
    this.#counters = counters;
    this.#architecture = architecture;
    this.#variant = variant;
    this.#weights = weights;
    this.#cache = cache;
    this.#uniforms = new Uniforms(memory);
    this.#activations = createActivations(memory, architecture, maxBatchTokens);
    this.#step = new StepBuffer(architecture, maxBatchTokens);
    this.#stepBuffer = memory.allocate('step', this.#step.byteLength);
    this.#embeddings = (weights.embedding ?? []).map(({ type, columns, firstRow, rows, bindings }) =>
      this.#bind(embedding({ type, columns, firstRow, rows, recordWords: this.#recordWords }), [
        this.#stepBuffer,
        ...bindings,
        this.#activations.hidden,
      ]),
    );
    this.#layers = weights.layers.map((_, layer) => this.#layerKernels(layer));
    this.#top = weights.head ? memory.allocate('top-k', maxSequences * topKWords(this.topK) * 4) : null;
    if (weights.head) this.#makeHead(maxSequences);
  }

  /** Most pairs of a top-k output. */
  get topK(): number {
    return Math.min(TOP_K, this.#architecture.vocabularySize);
  }

  /** Floats between two rows of hidden states. */
  get hiddenStride(): number {
    return this.#activations.strides.hidden;
  }

  /** Records all segments' work into `encoder`, after the writes it needs. */
  run(encoder: GPUCommandEncoder, segments: readonly PassSegment[]): PassResults {
    const firstRows = this.#writeInputs(segments);
    const { tokens, logitRows } = this.#step;
    if (logitRows > (this.#head?.rows ?? logitRows)) this.#makeHead(logitRows);
    const pass = encoder.beginComputePass({ label: 'forward' });
    const recorder = new Recorder(pass, this.#counters);
    const { hiddenSize, queryHeadCount, keyValueHeadCount } = this.#architecture;
    for (const kernel of this.#embeddings) recorder.dispatch(kernel, embeddingGroups(hiddenSize, tokens));
    for (const layer of this.#layers) {
      layer.projections.record(recorder, tokens);
      recorder.dispatch(layer.storeKeyValue, [keyValueHeadCount, tokens]);
      recorder.dispatch(layer.attention, [queryHeadCount, tokens]);
      layer.attentionOutput.record(recorder, tokens);
      layer.gateUp.record(recorder, tokens);
      layer.down.record(recorder, tokens);
    }
    const topRows = segments.filter(({ step }) => step.output === 'top-k').length;
    if (this.#head && logitRows > 0) this.#head.product.record(recorder, logitRows);
    if (this.#head && topRows > 0) recorder.dispatch(this.#head.top, [topRows, 1]);
    pass.end();
    return { hidden: this.#activations.hidden, logits: this.#head?.logits ?? null, top: this.#top, firstRows };
  }

  get #recordWords(): number {
    return recordWords(this.#architecture.ropeDimensionCount);
  }

  /** Rows of top-k come first, so that their kernel needs no list of its own. */
  #writeInputs(segments: readonly PassSegment[]): number[] {
    const { queue } = this.#memory.gpu.device;
    this.#step.clear();
    const firstTokens = segments.map(({ step, tokens, sequence }) => {
      const first = this.#step.tokens;
      for (let index = 0; index < tokens; index++) {
        const token = step.input instanceof Int32Array ? step.input[index]! : 0;
        this.#step.addToken(token, sequence.length + index, sequence.tableStart);
      }
      if (step.input instanceof Float32Array) this.#writeStates(step.input, tokens, first);
      return first;
    });
    const firstRows = [...firstTokens];
    for (const wanted of ['top-k', 'logits'] as const) {
      segments.forEach(({ step: { output }, tokens }, index) => {
        if (output === 'none' || output === 'hidden' || (output === 'top-k') !== (wanted === 'top-k')) return;
        firstRows[index] = this.#step.logitRows;
        const first = firstTokens[index]!;
        for (let token = output === 'all-logits' ? 0 : tokens - 1; token < tokens; token++) {
          this.#step.addLogitRow(first + token);
        }
      });
    }
    this.#counters.bytesWritten += this.#step.write(queue, this.#stepBuffer);
    this.#counters.bufferWrites++;
    return firstRows;
  }

  #writeStates(states: Float32Array, tokens: number, first: number): void {
    const { hiddenSize } = this.#architecture;
    const stride = this.hiddenStride;
    let padded = states;
    if (stride !== hiddenSize) {
      padded = new Float32Array(tokens * stride);
      for (let row = 0; row < tokens; row++) {
        padded.set(states.subarray(row * hiddenSize, (row + 1) * hiddenSize), row * stride);
      }
    }
    const { queue } = this.#memory.gpu.device;
    queue.writeBuffer(this.#activations.hidden, first * stride * 4, padded as Float32Array<ArrayBuffer>);
    this.#counters.bufferWrites++;
    this.#counters.bytesWritten += padded.byteLength;
  }

  #layerKernels(layer: number): LayerKernels {
    const weights = this.#weights.layers[layer]!;
    const { hidden, projected, attended, gated, strides } = this.#activations;
    const architecture = this.#architecture;
    const norm = (weight: GPUBuffer) => ({ weight, epsilon: architecture.rmsNormEpsilon });
    const cache = this.#cache.layers[layer]!;
    const shared = { ...architecture, cacheType: this.#variant.cacheType, recordWords: this.#recordWords };
    const { keyOffset, valueOffset, projected: stride } = strides;
    const inputs = [this.#stepBuffer, this.#cache.pageTables, projected, cache];
    const pagesAtOnce = Math.min(this.#variant.pagesAtOnce, Math.floor(MIXED_FLOATS / architecture.headSize));
    return {
      projections: this.#product(weights.projections, {
        input: hidden,
        norm: norm(weights.attentionNorm),
        output: projected,
        outputStride: stride,
        mode: 'store',
      }),
      storeKeyValue: this.#bind(storeKeyValue({ ...shared, stride, keyOffset, valueOffset }), inputs),
      attention: this.#bind(attention({ ...shared, stride, outputStride: strides.attended, pagesAtOnce }), [
        ...inputs,
        attended,
      ]),
      attentionOutput: this.#product(weights.attentionOutput, {
        input: attended,
        norm: null,
        output: hidden,
        outputStride: strides.hidden,
        mode: 'add',
      }),
      gateUp: this.#productOf(
        weights.gate.map((gate, index) => ({ matrices: [gate, weights.up[index]!], offset: gate.firstRow })),
        {
          input: hidden,
          norm: norm(weights.feedForwardNorm),
          output: gated,
          outputStride: strides.gated,
          mode: 'store',
        },
      ),
      down: this.#product(weights.down, {
        input: gated,
        norm: null,
        output: hidden,
        outputStride: strides.hidden,
        mode: 'add',
      }),
    };
  }

  /** The output matrix and room for `rows` rows of logits; what was there before is given back. */
  #makeHead(rows: number): void {
    const { head } = this.#weights;
    const { vocabularySize, rmsNormEpsilon } = this.#architecture;
    if (!head || !this.#top) return;
    if (this.#head) this.#memory.free(this.#head.logits);
    const logits = this.#memory.allocate('logits', rows * vocabularySize * 4);
    const product = this.#product(
      head.output,
      {
        input: this.#activations.hidden,
        norm: { weight: head.norm, epsilon: rmsNormEpsilon },
        output: logits,
        outputStride: vocabularySize,
        mode: 'store',
      },
      'logits',
    );
    const top = this.#bind(topK({ vocabularySize, k: this.topK }), [this.#stepBuffer, logits, this.#top]);
    this.#head = { logits, rows, product, top };
  }

  #product(
    stacked: readonly StackedPart[],
    init: Omit<ProductInit, 'parts' | 'source' | 'recordWords'>,
    source: ProductInit['source'] = 'tokens',
  ): Product {
    return this.#productOf(
      stacked.map(({ part, offset }) => ({ matrices: [part], offset })),
      init,
      source,
    );
  }

  #productOf(
    parts: ProductInit['parts'],
    init: Omit<ProductInit, 'parts' | 'source' | 'recordWords'>,
    source: ProductInit['source'] = 'tokens',
  ): Product {
    const components = {
      pipelines: this.#pipelines,
      step: this.#stepBuffer,
      scratch: this.#activations,
      uniforms: this.#uniforms,
    };
    return new Product(components, { ...init, parts, source, recordWords: this.#recordWords }, this.#variant);
  }

  #bind(kernel: Kernel, buffers: readonly Binding[]): BoundKernel {
    const pipeline = this.#pipelines.get(kernel);
    return { pipeline, group: this.#pipelines.bind(pipeline, buffers) };
  }
}
