import { dequantize, TENSOR_TYPES, tensorBytes } from '@opengateway/core';
import { afterAll, describe, expect, it } from 'vitest';
import { randomTensorBytes } from '../../../testing/random-tensor.ts';
import { seededRandom } from '../../../testing/seeded-random.ts';
import { rmsNorm } from '../../reference/rms-norm.ts';
import { swiglu as referenceSwiglu } from '../../reference/swiglu.ts';
import { requestGpuDevice } from '../device.ts';
import { packRows } from '../matrix.ts';
import { embedding, embeddingGroups } from './embedding.wgsl.ts';
import { KernelBench, paddedRows, stepOf } from './kernel-bench.ts';
import { norm } from './norm.wgsl.ts';
import { swiglu, swigluGroups } from './swiglu.wgsl.ts';
import { topK, topKWords } from './top-k.wgsl.ts';

const gpu = await requestGpuDevice(navigator.gpu);
afterAll(() => gpu.device.destroy());

const RECORD_WORDS = 6;

describe('embedding', () => {
  it.each(TENSOR_TYPES)('decodes rows of %s exactly, of those that lie in its part', async (type) => {
    const random = seededRandom(7);
    const columns = type.startsWith('Q') ? 608 : 44;
    const [firstRow, rows] = [10, 37];
    for (let run = 0; run < 4; run++) {
      using bench = new KernelBench(gpu);
      const count = 1 + Math.floor(random() * 50);
      const bytes = tensorBytes(type, [columns, rows])!;
      const raw = randomTensorBytes(random, { type, bytes, spread: 1, mean: 0 });
      const packed = packRows(type, raw, rows, columns);
      const table = paddedRows(dequantize(type, raw, rows * columns), columns);
      const stride = table.length / rows;
      const tokens = Array.from({ length: count }, () => ({ tokenId: Math.floor(random() * 60) }));
      const untouched = new Float32Array(count * stride).fill(3);
      const output = bench.buffer(untouched);
      const weights = [packed.quants, ...(packed.scales.length > 0 ? [packed.scales] : [])];
      const kernel = embedding({ type, columns, firstRow, rows, recordWords: RECORD_WORDS });
      await bench.run(kernel, [stepOf(RECORD_WORDS, tokens), ...weights, output], embeddingGroups(columns, count));
      const expected = untouched.slice();
      tokens.forEach(({ tokenId }, row) => {
        if (tokenId < firstRow || tokenId >= firstRow + rows) return;
        expected.set(table.subarray((tokenId - firstRow) * stride, (tokenId - firstRow + 1) * stride), row * stride);
      });
      const actual = await bench.readFloats(output, untouched.length);
      const worst = Math.max(...actual.map((value, index) => Math.abs(value - expected[index]!)));
      // Q4_1 rounds d · q + m in one step here and in two in the reference.
      expect(worst).toBeLessThan(type === 'Q4_1' ? 1e-6 : 1e-30);
    }
  });
});

describe('norm', () => {
  it.each([36, 100, 576, 1120])('of %i columns is that of the reference, for the rows asked for', async (columns) => {
    const random = seededRandom(columns);
    for (let run = 0; run < 5; run++) {
      using bench = new KernelBench(gpu);
      const scale = 10 ** (4 * random() - 3);
      const rows = 1 + Math.floor(random() * 20);
      const x = Float32Array.from({ length: rows * columns }, () => scale * (random() - 0.5));
      const weight = Float32Array.from({ length: columns }, random);
      const wanted = Array.from({ length: 1 + Math.floor(random() * rows) }, () => Math.floor(random() * rows));
      const padded = paddedRows(x, columns);
      const stride = padded.length / rows;
      const output = bench.buffer(new Float32Array(wanted.length * stride));
      const kernel = norm({ columns, epsilon: 1e-5, source: 'logits', recordWords: RECORD_WORDS });
      const step = stepOf(
        RECORD_WORDS,
        Array.from({ length: rows }, () => ({})),
        wanted,
      );
      await bench.run(kernel, [step, padded, paddedRows(weight, columns), output], [wanted.length, 1]);
      const all = paddedRows(rmsNorm(x, weight, 1e-5), columns);
      const actual = await bench.readFloats(output, wanted.length * stride);
      wanted.forEach((token, row) => {
        for (let column = 0; column < stride; column++) {
          expect(actual[row * stride + column]).toBeCloseTo(all[token * stride + column]!, 5);
        }
      });
    }
  });
});

it('computes silu(gate) · up for any number, however large', async () => {
  const random = seededRandom(3);
  for (let run = 0; run < 20; run++) {
    using bench = new KernelBench(gpu);
    const columns = 160;
    const rows = 1 + Math.floor(random() * 9);
    const spread = run === 0 ? 500 : 20;
    const gate = Float32Array.from({ length: rows * columns }, () => spread * (random() - 0.5));
    const up = Float32Array.from({ length: rows * columns }, () => 4 * (random() - 0.5));
    const output = bench.buffer(gate);
    const step = stepOf(
      RECORD_WORDS,
      Array.from({ length: rows }, () => ({})),
    );
    await bench.run(swiglu({ columns, stride: columns }), [step, output, up], swigluGroups(columns, rows));
    const expected = referenceSwiglu(gate, up);
    const actual = await bench.readFloats(output, gate.length);
    actual.forEach((value, index) => {
      expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected[index]!)));
    });
  }
});

describe('top-k', () => {
  it('finds the highest logits, equals by lowest token, and what their probabilities need', async () => {
    const random = seededRandom(11);
    for (const [vocabularySize, k] of [
      [321, 64],
      [49_152, 64],
      [1000, 1],
      [5, 5],
    ] as const) {
      for (let run = 0; run < 5; run++) {
        using bench = new KernelBench(gpu);
        const rows = 1 + Math.floor(random() * 3);
        // Coarse values: many are equal, also at the border.
        const coarse = run % 2 === 0;
        const logits = Float32Array.from({ length: rows * vocabularySize }, () => {
          const value = 20 * (random() + random() + random()) - 40;
          return coarse ? Math.round(value) : value;
        });
        const output = bench.buffer(new Uint32Array(rows * topKWords(k)));
        const step = stepOf(
          RECORD_WORDS,
          [],
          Array.from({ length: rows }, (_, row) => row),
        );
        await bench.run(topK({ vocabularySize, k }), [step, logits, output], [rows, 1]);
        const words = new Uint32Array(await bench.read(output));
        const floats = new Float32Array(words.buffer);
        for (let row = 0; row < rows; row++) {
          const own = logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
          const best = Array.from(own.keys())
            .sort((a, b) => own[b]! - own[a]! || a - b)
            .slice(0, k);
          const start = row * topKWords(k);
          const found = Array.from(words.subarray(start + 2, start + 2 + k));
          expect(found.toSorted((a, b) => a - b)).toEqual(best.toSorted((a, b) => a - b));
          found.forEach((token, place) => expect(floats[start + 2 + k + place]).toBe(own[token]));
          const highest = own[best[0]!]!;
          const sum = own.reduce((total, logit) => total + Math.exp(logit - highest), 0);
          expect(floats[start]).toBe(highest);
          expect(floats[start + 1]! / sum).toBeCloseTo(1, 4);
        }
      }
    }
  });
});
