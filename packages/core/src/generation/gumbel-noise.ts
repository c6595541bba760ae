import { naturalLog } from './exact-math.ts';

const UINT32_RANGE = 2 ** 32;
const BOUND_BITS = 12;

/** How far to shift a hash to index `GUMBEL_BOUNDS`. */
export const GUMBEL_BOUND_SHIFT = 32 - BOUND_BITS;

/** Upper bound of the noise of every hash with the same top bits; monotone. */
export const GUMBEL_BOUNDS: Float64Array = Float64Array.from(
  { length: 2 ** BOUND_BITS },
  // A little above the largest of the bucket, so that rounding cannot hide a winner.
  (_, bucket) => gumbel((bucket + 1) * 2 ** GUMBEL_BOUND_SHIFT - 1) + 1e-9,
);

/** Standard Gumbel noise of a 32-bit hash, read as a uniform number in (0, 1). */
export function gumbel(hash: number): number {
  return -naturalLog(-naturalLog(((hash >>> 0) + 0.5) / UINT32_RANGE));
}

/** A bijection of 32-bit integers without visible structure (the "triple32" constants of C. Wellons). */
function mix32(value: number): number {
  let x = value | 0;
  x ^= x >>> 17;
  x = Math.imul(x, 0xed5ad4bb);
  x ^= x >>> 11;
  x = Math.imul(x, 0xac4c1b51);
  x ^= x >>> 15;
  x = Math.imul(x, 0x31848bab);
  return x ^ (x >>> 14);
}

/** First half of the key of one position; the noise of a token is `tokenHash(first, second, token)`. */
export const positionKey = (seed: number, position: number): number =>
  mix32((mix32(seed) + Math.imul(position, 0x9e3779b1)) | 0);

/** Second, independent half: with one alone, two positions could see the same noise in another order. */
export const secondPositionKey = (seed: number, position: number): number =>
  mix32((mix32(seed ^ 0x5bd1e995) + Math.imul(position, 0x85ebca6b) + 0x27d4eb2f) | 0);

/** Hash of a token at a position, unsigned 32 bits (the "lowbias32" steps of C. Wellons, keyed twice). */
export function tokenHash(first: number, second: number, token: number): number {
  let x = token ^ first;
  x = (Math.imul(x ^ (x >>> 16), 0x21f0aaad) + second) | 0;
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/**
 * Seed of the `choice`-th of several answers to one request: the seed itself for the first, so that
 * asking for more answers does not change it.
 */
export const derivedSeed = (seed: number, choice: number): number =>
  choice === 0 ? seed >>> 0 : mix32(mix32(seed) ^ Math.imul(choice, 0x9e3779b1)) >>> 0;
