import type { LayerRange, TensorReader } from '@opengateway/core';
import { UnsupportedModelError } from '../errors.ts';
import type { Engine, EngineInfo, EngineOutput, EngineStep, SequenceId } from '../engine.ts';
import { checkSteps } from '../check-steps.ts';
import { DEFAULT_KV_BUDGET_BYTES, DEFAULT_MAX_SEQUENCES, MAX_BATCH_TOKENS } from './constants.ts';
import { embedding } from './embedding.ts';
import { forwardLayer } from './forward-layer.ts';
import { matmul } from './matmul.ts';
import { rmsNorm } from './rms-norm.ts';
import { Sequences } from './sequences.ts';
import { loadWeights, type ModelWeights } from './weights.ts';

export interface ReferenceEngineComponents {
  readonly reader: TensorReader;
}

export interface ReferenceEngineInit {
  readonly layers: LayerRange;
  /** @default DEFAULT_KV_BUDGET_BYTES */
  readonly kvBudgetBytes?: number;
  /** @default DEFAULT_MAX_SEQUENCES */
  readonly maxSequences?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * The oracle: a float32 transformer in plain TypeScript, sums in double precision, weights expanded to
 * float32 when loaded (four bytes a parameter). Right rather than fast.
 *
 * @throws UnsupportedModelError, what the reader throws, or the signal's reason.
 * @example
 * const engine = await createReferenceEngine({ reader }, { layers: { start: 0, end: 30 } });
 */
export async function createReferenceEngine(
  { reader }: ReferenceEngineComponents,
  init: ReferenceEngineInit,
): Promise<Engine> {
  init.signal?.throwIfAborted();
  const { architecture } = reader.manifest;
  if (architecture.queryHeadCount % architecture.keyValueHeadCount !== 0) {
    throw new UnsupportedModelError('The query heads do not divide evenly over the key/value heads.');
  }
  if (architecture.ropeDimensionCount > architecture.headSize || architecture.ropeDimensionCount % 2 !== 0) {
    throw new UnsupportedModelError(
      `RoPE over ${architecture.ropeDimensionCount} of ${architecture.headSize} dimensions.`,
    );
  }
  const weights = await loadWeights(reader, init.layers, { signal: init.signal, onProgress: init.onProgress });
  const kvBudgetBytes = init.kvBudgetBytes ?? DEFAULT_KV_BUDGET_BYTES;
  const maxSequences = init.maxSequences ?? DEFAULT_MAX_SEQUENCES;
  const sequences = new Sequences({
    layerCount: weights.layers.length,
    rowSize: architecture.keyValueHeadCount * architecture.headSize,
    contextLength: architecture.contextLength,
    kvBudgetBytes,
    maxSequences,
  });
  const info: EngineInfo = {
    kind: 'reference',
    architecture,
    layers: init.layers,
    weightBytes: weights.bytes,
    kvBudgetBytes,
    kvBytesPerToken: sequences.bytesPerToken,
    maxSequences,
    maxBatchTokens: MAX_BATCH_TOKENS,
    variant: 'float32',
  };
  return new ReferenceEngine(info, weights, sequences);
}

class ReferenceEngine implements Engine {
  readonly info: EngineInfo;
  readonly #sequences: Sequences;
  #weights: ModelWeights | null;

  constructor(info: EngineInfo, weights: ModelWeights, sequences: Sequences) {
    this.info = info;
    this.#weights = weights;
    this.#sequences = sequences;
  }

  open({ maxTokens }: { maxTokens: number }): SequenceId {
    return this.#sequences.open(maxTokens);
  }

  length(sequence: SequenceId): number {
    return this.#sequences.get(sequence).length;
  }

  truncate(sequence: SequenceId, length: number): void {
    this.#sequences.truncate(sequence, length);
  }

  close(sequence: SequenceId): void {
    this.#sequences.close(sequence);
  }

  usage() {
    return this.#sequences.usage();
  }

  async forward(steps: readonly EngineStep[]): Promise<readonly EngineOutput[]> {
    const counts = checkSteps(steps, this.info, (sequence) => this.#sequences.get(sequence));
    if (steps.length === 0 || !this.#weights) return [];
    const { architecture } = this.info;
    const { embedding: table, layers, head } = this.#weights;
    const touched = steps.map(({ sequence }, index) => ({
      sequence: this.#sequences.get(sequence),
      rows: counts[index]!,
    }));

    let states = joined(
      steps.map(({ input }) =>
        input instanceof Int32Array ? embedding(table!, input, architecture.hiddenSize) : input,
      ),
    );
    layers.forEach((weights, layer) => {
      const parts = touched.map(({ sequence, rows }) => ({
        firstPosition: sequence.length,
        rows,
        cache: sequence.layers[layer]!,
      }));
      states = forwardLayer(states, parts, weights, architecture);
    });
    for (const { sequence, rows } of touched) sequence.length += rows;

    let row = 0;
    return steps.map(({ output }, index) => {
      const end = row + counts[index]!;
      const own = states.subarray(row * architecture.hiddenSize, end * architecture.hiddenSize);
      row = end;
      return { values: finish(own, output, architecture.hiddenSize, architecture.rmsNormEpsilon, head) };
    });
  }

  dispose(): void {
    this.#sequences.clear();
    this.#weights = null;
  }
}

function finish(
  states: Float32Array,
  output: EngineStep['output'],
  hiddenSize: number,
  epsilon: number,
  head: ModelWeights['head'],
): Float32Array {
  if (output === 'none') return new Float32Array(0);
  if (output === 'hidden' || !head) return states;
  const wanted = output === 'last-logits' ? states.subarray(-hiddenSize) : states;
  return matmul(rmsNorm(wanted, head.norm, epsilon), head.output, hiddenSize);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
