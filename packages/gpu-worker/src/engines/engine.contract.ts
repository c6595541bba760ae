import { afterEach, beforeAll, describe } from 'vitest';
import { createTinyModel, type TinyModelOptions } from '../testing/tiny-model.ts';
import { describeComputation, type Closeness } from './contract/computation.ts';
import { EngineBench, type CreateEngine } from './contract/harness.ts';
import { describeLoading } from './contract/loading.ts';
import { describeSequences } from './contract/sequences.ts';
import { describeSteps } from './contract/steps.ts';

export interface EngineContractOptions {
  readonly name: string;
  /** Makes a fresh engine; the suite disposes it. Called with every layer range, budget and signal it tries. */
  readonly create: CreateEngine;
  /** How near to the reference the engine must be on random models, which forgive less than trained ones. */
  readonly closeness: Closeness;
  /**
   * Models to run on, by name; each has two layers or more and a context of at least 256.
   * @default CONTRACT_MODELS
   */
  readonly models?: Readonly<Record<string, TinyModelOptions>>;
  /** Whether another variant of the same engine passed the rest, which does not depend on its kernels. @default false */
  readonly computationOnly?: boolean;
  /** Random schedules of the batch-invariance property, per model. @default 25 */
  readonly runs?: number;
}

/** Small enough that a whole suite takes seconds; between them every tensor type, RoPE layout and head shape. */
export const CONTRACT_MODELS = {
  'grouped heads of 16, mixed types, own output matrix': {},
  'heads of 64 as three to one, Q4_1, tied embeddings': {
    seed: 2,
    matrixTypes: ['Q4_1'],
    architecture: {
      layerCount: 3,
      hiddenSize: 192,
      feedForwardSize: 512,
      queryHeadCount: 3,
      keyValueHeadCount: 1,
      headSize: 64,
      ropeDimensionCount: 64,
      ropeBase: 100_000,
      tiedEmbeddings: true,
    },
  },
  'ungrouped heads of 32, halves layout, odd vocabulary': {
    seed: 3,
    matrixTypes: ['Q8_0', 'Q4_0'],
    embeddingType: 'F16',
    architecture: {
      layerCount: 3,
      hiddenSize: 96,
      queryHeadCount: 3,
      keyValueHeadCount: 3,
      headSize: 32,
      ropeDimensionCount: 32,
      ropeLayout: 'halves',
      vocabularySize: 321,
    },
  },
} as const satisfies Record<string, TinyModelOptions>;

/**
 * The suite that every engine passes, whatever it computes on: shapes, errors, reservations, batch
 * invariance to the bit, layer ranges that compose, closeness to the reference. It asks for batches of up to
 * 128 tokens and reserves cache in multiples of 32.
 *
 * @example
 * engineContract({
 *   name: 'wasm',
 *   create: ({ reader, ...init }) => createWasmEngine({ reader }, init),
 *   closeness: { meanKl: 0.01, topAgreement: 0.9, hiddenCosine: 0.999 },
 * });
 */
export function engineContract(options: EngineContractOptions): void {
  const { name, create, closeness, models = CONTRACT_MODELS, computationOnly = false, runs = 25 } = options;
  describe(`${name} engine`, () => {
    for (const [modelName, model] of Object.entries<TinyModelOptions>(models)) {
      describe(modelName, () => {
        let bench: EngineBench;
        beforeAll(async () => {
          bench = new EngineBench(await createTinyModel(model), create);
        });
        afterEach(() => bench.disposeAll());
        if (!computationOnly) {
          describeLoading(() => bench);
          describeSequences(() => bench);
          describeSteps(() => bench);
        }
        describeComputation(() => bench, closeness, runs);
      });
    }
  });
}
