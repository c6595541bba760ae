import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../testing/seeded-random.ts';
import { expectSameBits } from '../contract/harness.ts';
import { attention } from './attention.ts';

const SHAPE = { queryHeadCount: 4, keyValueHeadCount: 2, headSize: 3 };

describe('attention', () => {
  it('averages the visible values where every score is the same', () => {
    const keys = randomValues(5 * 6, 1);
    const values = randomValues(5 * 6, 2);
    const mixed = attention(new Float32Array(2 * 12), keys, values, { ...SHAPE, firstPosition: 3 });
    for (const [row, visible] of [4, 5].entries()) {
      for (let head = 0; head < 4; head++) {
        for (let i = 0; i < 3; i++) {
          let sum = 0;
          // Query heads 0 and 1 read key/value head 0; 2 and 3 read 1.
          for (let position = 0; position < visible; position++) sum += values[position * 6 + (head >> 1) * 3 + i]!;
          expect(mixed[row * 12 + head * 3 + i]).toBeCloseTo(sum / visible, 6);
        }
      }
    }
  });

  it('returns the value whose key outweighs all others', () => {
    const keys = Float32Array.of(1, 0, 0, 1, 1, 1);
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    const options = { queryHeadCount: 1, keyValueHeadCount: 1, headSize: 2, firstPosition: 2 };
    expect(attention(Float32Array.of(-900, 900), keys, values, options)).toEqual(Float32Array.of(3, 4));
  });

  it('sees nothing that comes later', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6 }), fc.nat(), (firstPosition, seed) => {
        const queries = randomValues(12, seed);
        const keys = randomValues(8 * 6, seed + 1);
        const values = randomValues(8 * 6, seed + 2);
        const expected = attention(queries, keys, values, { ...SHAPE, firstPosition });
        keys.fill(NaN, (firstPosition + 1) * 6);
        values.fill(NaN, (firstPosition + 1) * 6);
        expectSameBits(attention(queries, keys, values, { ...SHAPE, firstPosition }), expected);
      }),
    );
  });

  it('gives a position the same bits alone and in a prefill', () => {
    const queries = randomValues(7 * 12, 3);
    const keys = randomValues(9 * 6, 4);
    const values = randomValues(9 * 6, 5);
    const together = attention(queries, keys, values, { ...SHAPE, firstPosition: 2 });
    for (let row = 0; row < 7; row++) {
      const query = queries.subarray(row * 12, (row + 1) * 12);
      const alone = attention(query, keys, values, { ...SHAPE, firstPosition: 2 + row });
      expectSameBits(alone, together.subarray(row * 12, (row + 1) * 12));
    }
  });
});

function randomValues(count: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => 4 * random() - 2);
}
