import { describe, expect, it } from 'vitest';
import {
  GUMBEL_BOUND_SHIFT,
  GUMBEL_BOUNDS,
  derivedSeed,
  gumbel,
  positionKey,
  secondPositionKey,
  tokenHash,
} from './gumbel-noise.ts';

const SAMPLES = 65_536;
/** Mean and standard deviation of a chi-square with 255 degrees of freedom. */
const EXPECTED_CHI_SQUARE = 255;
const CHI_SQUARE_DEVIATION = Math.sqrt(2 * 255);

const chiSquareOfBytes = (bytes: Iterable<number>): number => {
  const counts = new Float64Array(256);
  let total = 0;
  for (const byte of bytes) {
    counts[byte] = (counts[byte] as number) + 1;
    total += 1;
  }
  const expected = total / 256;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
};

const hashesOf = function* (vary: 'token' | 'position' | 'seed', shift: number): Generator<number> {
  for (let i = 0; i < SAMPLES; i += 1) {
    const seed = vary === 'seed' ? i : 1;
    const position = vary === 'position' ? i : 100;
    const token = vary === 'token' ? i : 4_093;
    yield (tokenHash(positionKey(seed, position), secondPositionKey(seed, position), token) >>> shift) & 255;
  }
};

describe('tokenHash', () => {
  for (const vary of ['token', 'position', 'seed'] as const) {
    it(`spreads every byte evenly over consecutive values of the ${vary}`, () => {
      for (const shift of [0, 8, 16, 24]) {
        const chiSquare = chiSquareOfBytes(hashesOf(vary, shift));
        expect(Math.abs(chiSquare - EXPECTED_CHI_SQUARE)).toBeLessThan(4.5 * CHI_SQUARE_DEVIATION);
      }
    });
  }

  it('is unrelated between neighbouring positions', () => {
    const pairs = Array.from({ length: SAMPLES }, (_, token) => {
      const here = tokenHash(positionKey(5, 7), secondPositionKey(5, 7), token) >>> 28;
      const next = tokenHash(positionKey(5, 8), secondPositionKey(5, 8), token) >>> 28;
      return here * 16 + next;
    });
    expect(Math.abs(chiSquareOfBytes(pairs) - EXPECTED_CHI_SQUARE)).toBeLessThan(4.5 * CHI_SQUARE_DEVIATION);
  });
});

describe('gumbel', () => {
  it('has the mean and variance of the standard Gumbel distribution', () => {
    const first = positionKey(3, 3);
    const second = secondPositionKey(3, 3);
    const values = Float64Array.from({ length: SAMPLES }, (_, token) => gumbel(tokenHash(first, second, token)));
    const mean = values.reduce((sum, value) => sum + value, 0) / SAMPLES;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / SAMPLES;
    expect(mean).toBeCloseTo(0.5772, 1);
    expect(variance).toBeCloseTo(Math.PI ** 2 / 6, 1);
  });

  it('never exceeds the bound of its hash', () => {
    for (let bucket = 0; bucket < GUMBEL_BOUNDS.length; bucket += 1) {
      const last = ((bucket + 1) * 2 ** GUMBEL_BOUND_SHIFT - 1) >>> 0;
      const start = (bucket * 2 ** GUMBEL_BOUND_SHIFT) >>> 0;
      expect(gumbel(last)).toBeLessThanOrEqual(GUMBEL_BOUNDS[bucket] as number);
      expect(gumbel(start)).toBeLessThanOrEqual(gumbel(last));
    }
  });
});

describe('derivedSeed', () => {
  it('keeps the seed for the first choice and gives unsigned 32-bit seeds that differ for the others', () => {
    const seeds = Array.from({ length: 128 }, (_, choice) => derivedSeed(42, choice));
    expect(seeds[0]).toBe(42);
    expect(new Set(seeds).size).toBe(128);
    for (const seed of seeds) expect(seed).toBe(seed >>> 0);
    expect(derivedSeed(43, 1)).not.toBe(derivedSeed(42, 1));
  });
});
