import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rmsNorm } from './rms-norm.ts';

const row = fc
  .float32Array({ minLength: 6, maxLength: 6, min: -100, max: 100, noNaN: true })
  .filter((values) => values.some((value) => Math.abs(value) > 1));

describe('rmsNorm', () => {
  it('gives every row a root mean square of one, whatever its scale', () => {
    fc.assert(
      fc.property(row, (values) => {
        const normed = rmsNorm(values, new Float32Array(6).fill(1), 1e-12);
        expect(Math.sqrt(normed.reduce((sum, value) => sum + value * value, 0) / 6)).toBeCloseTo(1, 5);
      }),
    );
  });

  it('scales each column by its weight and each row by itself', () => {
    fc.assert(
      fc.property(row, row, row, (first, second, weight) => {
        const both = rmsNorm(Float32Array.from([...first, ...second]), weight, 1e-5);
        expect(both).toEqual(Float32Array.from([...rmsNorm(first, weight, 1e-5), ...rmsNorm(second, weight, 1e-5)]));
      }),
    );
  });

  it('adds epsilon to the mean square', () => {
    expect(rmsNorm(Float32Array.of(3, 4), Float32Array.of(1, 2), 12.5)).toEqual(Float32Array.of(3 / 5, 8 / 5));
    expect(rmsNorm(new Float32Array(2), Float32Array.of(1, 1), 1e-5)).toEqual(new Float32Array(2));
  });
});
