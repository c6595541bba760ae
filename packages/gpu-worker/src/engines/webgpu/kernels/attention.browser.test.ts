import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../testing/seeded-random.ts';
import { expectSameBits } from '../../contract/harness.ts';
import { attention as referenceAttention } from '../../reference/attention.ts';
import { rope } from '../../reference/rope.ts';
import { PAGE_POSITIONS } from '../constants.ts';
import { requestGpuDevice } from '../device.ts';
import { attention, type AttentionParameters } from './attention.wgsl.ts';
import { cachePageBytes, type CacheType } from './cache-layout.ts';
import { KernelBench, stepOf } from './kernel-bench.ts';
import { recordWords } from './step-layout.ts';
import { storeKeyValue } from './store-key-value.wgsl.ts';

const gpu = await requestGpuDevice(navigator.gpu);
afterAll(() => gpu.device.destroy());

const ROPE_BASE = 10_000;
/** Largest difference from the reference; values are between -2 and 2. */
const TOLERANCE = { f32: 1e-5, f16: 4e-3 } as const satisfies Record<CacheType, number>;

const SHAPES = [
  {
    queryHeadCount: 4,
    keyValueHeadCount: 2,
    headSize: 16,
    ropeDimensionCount: 16,
    ropeLayout: 'interleaved',
    cacheType: 'f32',
    pagesAtOnce: 4,
  },
  {
    queryHeadCount: 3,
    keyValueHeadCount: 1,
    headSize: 64,
    ropeDimensionCount: 64,
    ropeLayout: 'interleaved',
    cacheType: 'f16',
    pagesAtOnce: 1,
  },
  {
    queryHeadCount: 3,
    keyValueHeadCount: 3,
    headSize: 40,
    ropeDimensionCount: 24,
    ropeLayout: 'halves',
    cacheType: 'f32',
    pagesAtOnce: 2,
  },
  {
    queryHeadCount: 2,
    keyValueHeadCount: 1,
    headSize: 136,
    ropeDimensionCount: 136,
    ropeLayout: 'halves',
    cacheType: 'f32',
    pagesAtOnce: 4,
  },
  {
    queryHeadCount: 5,
    keyValueHeadCount: 1,
    headSize: 8,
    ropeDimensionCount: 0,
    ropeLayout: 'interleaved',
    cacheType: 'f16',
    pagesAtOnce: 2,
  },
] as const satisfies readonly Partial<AttentionParameters>[];

describe.each(SHAPES)(
  'attention of $queryHeadCount/$keyValueHeadCount heads of $headSize, $ropeLayout, $cacheType cache',
  (shape) => {
    it('is that of the reference over caches of random length, whichever pages they lie in', async () => {
      const random = seededRandom(shape.headSize);
      for (const length of [1, 32, 33, 200, 1 + Math.floor(random() * 300)]) {
        const { queries, expected } = await run(shape, length, random);
        const worst = Math.max(...queries.map((value, index) => Math.abs(value - expected[index]!)));
        expect(worst, `${length} positions`).toBeLessThan(TOLERANCE[shape.cacheType]);
      }
    });
  },
);

it('gives the same bits however many pages are read side by side', async () => {
  const [shape] = SHAPES;
  const results = [];
  for (const pagesAtOnce of [1, 2, 4, 8]) {
    results.push((await run({ ...shape, pagesAtOnce }, 297, seededRandom(1))).queries);
  }
  for (const result of results) expectSameBits(result, results[0]!);
});

/** A sequence of `length` tokens stored at once, and the attention of its last few. */
async function run(shape: (typeof SHAPES)[number] | AttentionShape, length: number, random: () => number) {
  using bench = new KernelBench(gpu);
  const { queryHeadCount, keyValueHeadCount, headSize, ropeDimensionCount, ropeLayout } = shape;
  const querySize = queryHeadCount * headSize;
  const keySize = keyValueHeadCount * headSize;
  const words = recordWords(ropeDimensionCount);
  const parameters = { ...shape, recordWords: words, stride: querySize + 2 * keySize };
  const values = (count: number) => Float32Array.from({ length: count }, () => 4 * random() - 2);
  const [queries, keys, cached] = [values(length * querySize), values(length * keySize), values(length * keySize)];

  const projected = new Float32Array(length * parameters.stride);
  for (let token = 0; token < length; token++) {
    const start = token * parameters.stride;
    projected.set(queries.subarray(token * querySize, (token + 1) * querySize), start);
    projected.set(keys.subarray(token * keySize, (token + 1) * keySize), start + querySize);
    projected.set(cached.subarray(token * keySize, (token + 1) * keySize), start + querySize + keySize);
  }
  const pages = Math.ceil(length / PAGE_POSITIONS);
  // In reverse, with pages of others between, after the tables of others.
  const tables = Uint32Array.from({ length: 7 + pages }, (_, index) =>
    index < 7 ? 999 : 2 * (pages - (index - 7)) - 1,
  );
  const cache = bench.buffer(new Float32Array((2 * pages * cachePageBytes(shape)) / 4).fill(Number.NaN));
  const tokens = Array.from({ length }, (_, position) => ({
    position,
    pageTable: 7,
    rotations: rotationsOf(position, ropeDimensionCount),
  }));
  const inputs = [bench.buffer(stepOf(words, tokens)), bench.buffer(tables), bench.buffer(projected), cache];
  const store = storeKeyValue({ ...parameters, keyOffset: querySize, valueOffset: querySize + keySize });
  await bench.run(store, inputs, [keyValueHeadCount, length]);
  const outputStride = querySize + 4;
  const output = bench.buffer(new Float32Array(length * outputStride));
  await bench.run(attention({ ...parameters, outputStride }), [...inputs, output], [queryHeadCount, length]);
  const padded = await bench.readFloats(output, length * outputStride);
  const rows = Float32Array.from({ length: length * querySize }, (_, index) => {
    return padded[Math.floor(index / querySize) * outputStride + (index % querySize)]!;
  });

  const positions = Array.from({ length }, (_, position) => position);
  const turn = (unturned: Float32Array, headCount: number) =>
    rope(unturned, positions, {
      headCount,
      headSize,
      dimensionCount: ropeDimensionCount,
      base: ROPE_BASE,
      layout: ropeLayout,
    });
  const options = { queryHeadCount, keyValueHeadCount, headSize, firstPosition: 0 };
  const expected = referenceAttention(turn(queries, queryHeadCount), turn(keys, keyValueHeadCount), cached, options);
  return { queries: rows, expected };
}

type AttentionShape = Omit<(typeof SHAPES)[0], 'pagesAtOnce'> & { pagesAtOnce: number };

const rotationsOf = (position: number, dimensions: number): number[] =>
  Array.from({ length: dimensions / 2 }, (_, pair) => {
    const angle = position * ROPE_BASE ** ((-2 * pair) / dimensions);
    return [Math.cos(angle), Math.sin(angle)];
  }).flat();
