import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.ts';
import { expectSameBits } from '../contract/harness.ts';
import { matmul } from './matmul.ts';

const size = fc.integer({ min: 1, max: 13 });

describe('matmul', () => {
  it('gives the ascending sum over the columns, for every remainder of its blocks', () => {
    fc.assert(
      fc.property(size, size, size, fc.nat(), (rows, outputs, columns, seed) => {
        const input = randomValues(rows * columns, seed);
        const weights = randomValues(outputs * columns, seed + 1);
        const expected = new Float32Array(rows * outputs);
        for (let row = 0; row < rows; row++) {
          for (let output = 0; output < outputs; output++) {
            let sum = 0;
            for (let k = 0; k < columns; k++) sum += input[row * columns + k]! * weights[output * columns + k]!;
            expected[row * outputs + output] = sum;
          }
        }
        expectSameBits(matmul(input, weights, columns), expected);
      }),
    );
  });

  it('gives a row the same bits alone and among others', () => {
    const columns = 96;
    const input = randomValues(7 * columns, 1);
    const weights = randomValues(10 * columns, 2);
    const together = matmul(input, weights, columns);
    for (let row = 0; row < 7; row++) {
      const alone = matmul(input.subarray(row * columns, (row + 1) * columns), weights, columns);
      expectSameBits(alone, together.subarray(row * 10, (row + 1) * 10));
    }
  });
});

function randomValues(count: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => random() - 0.5);
}
