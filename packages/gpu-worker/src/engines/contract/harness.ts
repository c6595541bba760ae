import type { LayerRange, TensorReader } from '@opengateway/core';
import { expect } from 'vitest';
import type { TinyModel } from '../../testing/tiny-model.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import type { Engine, EngineStep, SequenceId } from '../engine.ts';

/** What the suite asks of a factory of engines. */
export interface EngineContractInit {
  readonly reader: TensorReader;
  readonly layers: LayerRange;
  readonly kvBudgetBytes?: number;
  readonly maxSequences?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export type CreateEngine = (init: EngineContractInit) => Promise<Engine>;

/** Engines of one test, disposed with it. */
export class EngineBench {
  readonly model: TinyModel;
  readonly #create: CreateEngine;
  readonly #engines: Engine[] = [];

  constructor(model: TinyModel, create: CreateEngine) {
    this.model = model;
    this.#create = create;
  }

  get layerCount(): number {
    return this.model.manifest.architecture.layerCount;
  }

  /** An engine of the whole model unless told otherwise. */
  async create(init: Partial<EngineContractInit> = {}): Promise<Engine> {
    const layers = { start: 0, end: this.layerCount };
    const engine = await this.#create({ reader: this.model.createReader(), layers, ...init });
    this.#engines.push(engine);
    return engine;
  }

  disposeAll(): void {
    for (const engine of this.#engines.splice(0)) engine.dispose();
  }

  randomTokens(count: number, seed: number): Int32Array {
    const random = seededRandom(seed);
    const { vocabularySize } = this.model.manifest.architecture;
    return Int32Array.from({ length: count }, () => Math.floor(random() * vocabularySize));
  }
}

/** One step of one sequence; the result is a copy. */
export async function step(
  engine: Engine,
  sequence: SequenceId,
  input: EngineStep['input'],
  output: EngineStep['output'],
): Promise<Float32Array> {
  const [result] = await engine.forward([{ sequence, input, output }]);
  return result!.values.slice();
}

/** Output of a sequence of its own, fed `input` at once. */
export async function alone(
  engine: Engine,
  input: EngineStep['input'],
  output: EngineStep['output'],
): Promise<Float32Array> {
  const tokens = engine.info.layers.start === 0 ? input.length : input.length / engine.info.architecture.hiddenSize;
  const sequence = engine.open({ maxTokens: tokens });
  const values = await step(engine, sequence, input, output);
  engine.close(sequence);
  return values;
}

/** Fails unless both hold the same bits; names the first place where they do not. */
export function expectSameBits(actual: Float32Array, expected: Float32Array): void {
  expect(actual.length).toBe(expected.length);
  const index = firstDifference(actual, expected);
  if (index !== -1) expect.fail(`value ${index} of ${actual.length} is ${actual[index]}, not ${expected[index]}`);
}

/** Index of the first value whose bits differ, or -1. Both have the same length. */
export function firstDifference(left: Float32Array, right: Float32Array): number {
  const rightBits = bits(right);
  return bits(left).findIndex((value, index) => value !== rightBits[index]);
}

export const rejection = (code: string): unknown => expect.objectContaining({ code });

// A copy, since a view into shared or WASM memory need not be aligned to its buffer's start alike.
const bits = (values: Float32Array) => new Uint32Array(values.slice().buffer);
