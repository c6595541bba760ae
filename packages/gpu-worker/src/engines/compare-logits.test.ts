import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareLogits, cosineSimilarity, klDivergence, topToken } from './compare-logits.ts';

const logits = fc.float32Array({ minLength: 8, maxLength: 8, min: -30, max: 30, noNaN: true });

describe('compareLogits', () => {
  it('agrees with a divergence worked out by hand', () => {
    // (3/4, 1/4) against (1/2, 1/2).
    const expected = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(klDivergence(Float32Array.of(Math.log(3), 0), Float32Array.of(5, 5))).toBeCloseTo(expected, 6);
  });

  it('is never negative, and nothing where logits differ by a constant', () => {
    fc.assert(
      fc.property(logits, logits, fc.integer({ min: -8, max: 8 }), (left, right, shift) => {
        expect(klDivergence(left, right)).toBeGreaterThan(-1e-9);
        expect(
          klDivergence(
            left,
            left.map((value) => value + shift),
          ),
        ).toBeLessThan(1e-5);
      }),
    );
  });

  it('counts positions with the same most likely token, the lowest of equals', () => {
    expect(topToken(Float32Array.of(1, 3, 3))).toBe(1);
    const comparison = compareLogits(Float32Array.of(1, 0, 0, 1), Float32Array.of(2, 0, 1, 0), 2);
    expect(comparison).toMatchObject({ positions: 2, topAgreement: 0.5 });
    expect(comparison.maxKl).toBeGreaterThan(comparison.meanKl);
  });

  it('refuses logits of different sizes', () => {
    expect(() => compareLogits(new Float32Array(4), new Float32Array(2), 2)).toThrow(RangeError);
    expect(() => compareLogits(new Float32Array(3), new Float32Array(3), 2)).toThrow(RangeError);
  });

  it('gives the cosine of each row', () => {
    const cosine = cosineSimilarity(Float32Array.of(1, 0, 2, 2), Float32Array.of(0, 5, 1, 1), 2);
    expect(cosine.least).toBe(0);
    expect(cosine.mean).toBeCloseTo(0.5, 12);
  });
});
