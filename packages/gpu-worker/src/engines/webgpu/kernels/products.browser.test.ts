import { dequantize, tensorBytes, type TensorType } from '@opengateway/core';
import { afterAll, describe, expect, it } from 'vitest';
import { randomTensorBytes } from '../../../testing/random-tensor.ts';
import { seededRandom } from '../../../testing/seeded-random.ts';
import { expectSameBits } from '../../contract/harness.ts';
import { matmul as referenceMatmul } from '../../reference/matmul.ts';
import { rmsNorm } from '../../reference/rms-norm.ts';
import { swiglu as referenceSwiglu } from '../../reference/swiglu.ts';
import { requestGpuDevice } from '../device.ts';
import { packRows } from '../matrix.ts';
import { KernelBench, paddedRows, stepOf } from './kernel-bench.ts';
import { matmul, matmulGroups, type MatmulParameters } from './matmul.wgsl.ts';
import { matvecGroups, type MatvecParameters } from './matvec-plan.ts';
import { matvec } from './matvec.wgsl.ts';
import { norm } from './norm.wgsl.ts';
import { shapeWords } from './product-shape.ts';
import { quantize, quantizeGroups } from './quantize.wgsl.ts';
import { swiglu, swigluGroups } from './swiglu.wgsl.ts';
import type { Arithmetic } from './arithmetic.ts';

const gpu = await requestGpuDevice(navigator.gpu);
afterAll(() => gpu.device.destroy());

const EPSILON = 1e-5;
const RECORD_WORDS = 4;
const TOLERANCE = { f32: 1e-5, f16: 1e-2, int8: 3e-2 } as const satisfies Record<Arithmetic, number>;

/** Widths that divide into segments evenly and not; only floats can have columns that are no multiple of 32. */
const WIDTHS = [
  { type: 'Q4_0', columns: 96, normed: true },
  { type: 'Q4_1', columns: 576, normed: true },
  { type: 'Q8_0', columns: 1120, normed: false },
  { type: 'F16', columns: 100, normed: true },
  { type: 'F32', columns: 36, normed: false },
] as const satisfies readonly { type: TensorType; columns: number; normed: boolean }[];

interface Variant {
  readonly name: string;
  readonly arithmetic: Arithmetic;
  /** Largest difference from the reference, relative to the root mean square of the results. */
  readonly tolerance: number;
  run(bench: KernelBench, work: Work): Promise<Float32Array>;
}

interface Work {
  readonly type: TensorType;
  readonly rows: number;
  readonly columns: number;
  readonly tokens: number;
  readonly weights: readonly GPUBuffer[];
  readonly x: GPUBuffer;
  readonly normWeight: GPUBuffer | null;
  /** Added to. */
  readonly residual: Float32Array<ArrayBuffer>;
}

const vectors = (tokens: number, changes: Partial<MatvecParameters>): Variant => {
  const { arithmetic = 'f32', subgroups = false, rowsPerThread = 1, compact = false } = changes;
  return {
    name: `matvec of ${tokens} tokens, ${rowsPerThread} rows, ${arithmetic}${subgroups ? ', subgroups' : ''}${compact ? ', compact' : ''}`,
    arithmetic,
    tolerance: TOLERANCE[arithmetic],
    async run(bench, work) {
      const parameters: MatvecParameters = {
        types: [work.type],
        columns: work.columns,
        tokens,
        rowsPerThread,
        arithmetic,
        subgroups,
        compact,
        norm: work.normWeight ? EPSILON : null,
        source: 'tokens',
        recordWords: RECORD_WORDS,
        output: 'add',
      };
      const output = bench.buffer(work.residual);
      const norms = work.normWeight ? [work.normWeight] : [];
      const buffers = [stepOfTokens(work), work.x, ...norms, ...work.weights, output, shapeOf(work)];
      await bench.run(matvec(parameters), buffers, matvecGroups(parameters, work, work.tokens));
      return bench.readFloats(output, work.residual.length);
    },
  };
};

const tiles = (tokens: number, rowsPerThread: number, arithmetic: Arithmetic): Variant => ({
  name: `matmul of ${tokens} tokens, ${rowsPerThread} rows, ${arithmetic}`,
  arithmetic,
  tolerance: TOLERANCE[arithmetic],
  async run(bench, work) {
    const { columns } = work;
    const step = stepOfTokens(work);
    let { x } = work;
    if (work.normWeight) {
      const normed = bench.buffer(new Float32Array(x.size / 4));
      const kernel = norm({ columns, epsilon: EPSILON, source: 'tokens', recordWords: RECORD_WORDS });
      await bench.run(kernel, [step, x, work.normWeight, normed], [work.tokens, 1]);
      x = normed;
    }
    let inputs = [x];
    if (arithmetic === 'int8') {
      inputs = [bench.buffer(new Uint8Array(x.size / 4)), bench.buffer(new Uint8Array(x.size / 4))];
      const parameters = { columns, source: 'tokens' } as const;
      await bench.run(quantize(parameters), [step, x, ...inputs], quantizeGroups(parameters, work.tokens));
    }
    const output = bench.buffer(work.residual);
    const parameters: MatmulParameters = {
      type: work.type,
      columns,
      tokens,
      rowsPerThread,
      arithmetic,
      source: 'tokens',
      output: 'add',
    };
    const buffers = [step, ...inputs, ...work.weights, output, shapeOf(work)];
    await bench.run(matmul(parameters), buffers, matmulGroups(parameters, work, work.tokens));
    return bench.readFloats(output, work.residual.length);
  },
});

/**
 * A half-precision variant with float32 in its place: where no adapter has `shader-f16`, this checks all of
 * it but the rounding.
 */
const widened = (variant: Variant): Variant => ({
  name: `${variant.name}, widened`,
  arithmetic: 'f16',
  tolerance: TOLERANCE.f32,
  run: (bench, work) => variant.run(bench.rewriting(widenHalves), work),
});
const widenHalves = (wgsl: string) => wgsl.replace('enable f16;', '').replaceAll('vec4<f16>', 'vec4<f32>');

const stepOfTokens = ({ tokens }: Work) =>
  stepOf(
    RECORD_WORDS,
    Array.from({ length: tokens }, () => ({})),
  );
const shapeOf = ({ rows }: Work) => shapeWords({ rows, outputStride: rows + 3, outputOffset: 2 });

/** Every kernel this adapter runs. */
const VARIANTS: readonly Variant[] = [
  vectors(1, { rowsPerThread: 2 }),
  vectors(4, {}),
  vectors(1, { compact: true }),
  ...(gpu.features.subgroups
    ? [vectors(1, { subgroups: true, rowsPerThread: 4 }), vectors(2, { subgroups: true })]
    : []),
  tiles(8, 1, 'f32'),
  tiles(32, 4, 'f32'),
  ...(gpu.features.packedDot ? [vectors(1, { arithmetic: 'int8' }), tiles(32, 4, 'int8')] : []),
  ...[vectors(1, { arithmetic: 'f16' }), tiles(32, 4, 'f16')].map((half) =>
    gpu.features.float16 ? half : widened(half),
  ),
];

describe.each(WIDTHS)('products with $type matrices of $columns columns', ({ type, columns, normed }) => {
  const variants = VARIANTS.filter(({ arithmetic }) => arithmetic !== 'int8' || type.startsWith('Q'));

  it('are those of the reference for random shapes, the same to the bit in every kernel of one arithmetic', async () => {
    const random = seededRandom(columns);
    for (let shape = 0; shape < 4; shape++) {
      using bench = new KernelBench(gpu);
      const rows = 1 + Math.floor(random() * 150);
      const tokens = [1, 3, 40, 1 + Math.floor(random() * 30)][shape]!;
      const { work, expected } = randomWork(bench, { type, columns, normed, rows, tokens }, random);
      const size = Math.sqrt(expected.reduce((sum, value) => sum + value ** 2, 0) / expected.length);
      const bits = new Map<Arithmetic, Float32Array>();
      for (const { name, arithmetic, tolerance, run } of variants) {
        const actual = await run(bench, work);
        const worst = Math.max(...actual.map((value, index) => Math.abs(value - expected[index]!)));
        expect(worst / size, `${name}, ${rows} rows, ${tokens} tokens`).toBeLessThan(tolerance);
        const same = bits.get(arithmetic);
        if (same) expectSameBits(actual, same);
        else bits.set(arithmetic, actual);
      }
    }
  });
});

it('computes silu(gate) · up in one kernel as in three', async () => {
  const random = seededRandom(5);
  const columns = 192;
  for (const tokens of [1, 4]) {
    using bench = new KernelBench(gpu);
    const shape = { columns, normed: true, rows: 77, tokens } as const;
    const gate = randomWork(bench, { ...shape, type: 'Q4_1' }, random);
    const up = randomWork(bench, { ...shape, type: 'Q8_0' }, random, gate);
    const parameters: MatvecParameters = {
      types: ['Q4_1', 'Q8_0'],
      columns,
      tokens,
      rowsPerThread: 1,
      arithmetic: 'f32',
      subgroups: gpu.features.subgroups,
      compact: tokens === 1,
      norm: EPSILON,
      source: 'tokens',
      recordWords: RECORD_WORDS,
      output: 'store',
    };
    const zeros = new Float32Array(gate.work.residual.length);
    const output = bench.buffer(zeros);
    const step = stepOfTokens(gate.work);
    await bench.run(
      matvec(parameters),
      [step, gate.work.x, gate.work.normWeight!, ...gate.work.weights, ...up.work.weights, output, shapeOf(gate.work)],
      matvecGroups(parameters, shape, tokens),
    );
    const fused = await bench.readFloats(output, zeros.length);

    const [gates, ups] = await Promise.all(
      [gate, up].map(async ({ work }) =>
        bench.buffer((await tiles(8, 1, 'f32').run(bench, { ...work, residual: zeros })) as Float32Array<ArrayBuffer>),
      ),
    );
    const kernel = swiglu({ columns: shape.rows + 3, stride: shape.rows + 3 });
    await bench.run(kernel, [step, gates!, ups!], swigluGroups(shape.rows + 3, tokens));
    expectSameBits(fused, await bench.readFloats(gates!, zeros.length));

    const expected = referenceSwiglu(
      without(gate.expected, gate.work.residual),
      without(up.expected, up.work.residual),
    );
    fused.forEach((value, index) => expect(value).toBeCloseTo(expected[index]!, 4));
  }
});

const without = (all: Float32Array, residual: Float32Array) => all.map((value, index) => value - residual[index]!);

/** Random matrix and activations, and what the reference makes of them, residual and padding included. */
function randomWork(
  bench: KernelBench,
  shape: { type: TensorType; columns: number; normed: boolean; rows: number; tokens: number },
  random: () => number,
  like?: { work: Work; activations: Float32Array; normWeights: Float32Array },
) {
  const { type, columns, normed, rows, tokens } = shape;
  const bytes = tensorBytes(type, [columns, rows])!;
  const raw = randomTensorBytes(random, { type, bytes, spread: 1 / Math.sqrt(columns), mean: 0 });
  const packed = packRows(type, raw, rows, columns);
  const values = (count: number) => Float32Array.from({ length: count }, () => 4 * random() - 2);
  const activations = like?.activations ?? values(tokens * columns);
  const normWeights = like?.normWeights ?? values(columns);
  const residual = values(tokens * (rows + 3)) as Float32Array<ArrayBuffer>;
  const inputs = normed ? rmsNorm(activations, normWeights, EPSILON) : activations;
  const products = referenceMatmul(inputs, dequantize(type, raw, rows * columns), columns);
  const expected = residual.slice();
  products.forEach((value, index) => {
    expected[Math.floor(index / rows) * (rows + 3) + 2 + (index % rows)]! += value;
  });
  const weights = [bench.buffer(packed.quants), ...(packed.scales.length > 0 ? [bench.buffer(packed.scales)] : [])];
  const x = like?.work.x ?? bench.buffer(paddedRows(activations, columns));
  const normWeight = normed ? (like?.work.normWeight ?? bench.buffer(paddedRows(normWeights, columns))) : null;
  const work: Work = { type, rows, columns, tokens, weights, x, normWeight, residual };
  return { work, expected, activations, normWeights };
}
