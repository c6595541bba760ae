import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exponential, naturalLog } from './exact-math.ts';

const relativeError = (actual: number, expected: number) => Math.abs(actual - expected) / Math.abs(expected);

describe('naturalLog', () => {
  it('agrees with Math.log to the last bits', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (value) => {
        const expected = Math.log(value);
        expect(Math.abs(naturalLog(value) - expected)).toBeLessThanOrEqual(1e-15 * Math.max(1, Math.abs(expected)));
      }),
      { numRuns: 2000 },
    );
    expect(naturalLog(1)).toBe(0);
  });
});

describe('exponential', () => {
  it('agrees with Math.exp for every value that is not positive', () => {
    fc.assert(
      fc.property(fc.double({ min: -700, max: 0, noNaN: true }), (value) => {
        expect(relativeError(exponential(value), Math.exp(value))).toBeLessThan(1e-13);
      }),
      { numRuns: 2000 },
    );
    expect(exponential(0)).toBe(1);
  });

  it('is 0 far below, and not a number only for what is not one', () => {
    expect(exponential(-1e6)).toBe(0);
    expect(exponential(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(exponential(Number.NaN)).toBeNaN();
  });
});
