/** Of 1.5 * 2^23: a float of magnitude below 2^22 added to it is rounded to the nearest integer, ties to even. */
export const ROUNDER = memory.data<f32>([12582912]);

/** The integers of floats that were rounded by adding `rounder`, four times ROUNDER: they lie in the low bits of the sum. */
// @ts-ignore: decorator
@inline
export function nearestInteger(sum: v128, rounder: v128): v128 {
  return i32x4.sub(sum, rounder);
}
