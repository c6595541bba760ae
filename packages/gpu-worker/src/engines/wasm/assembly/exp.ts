import { ROUNDER, nearestInteger } from './round';

// In memory, not in the code: V8 builds a vector constant anew wherever it is used, in several instructions.
const LEAST = memory.data<f32>([-87.33]);
const MOST = memory.data<f32>([88]);
const LOG2_E = memory.data<f32>([1.44269504088896341]);
const LN_2_HIGH = memory.data<f32>([0.693359375]);
const LN_2_LOW = memory.data<f32>([-2.1219444e-4]);
const C7 = memory.data<f32>([1.98756915e-4]);
const C6 = memory.data<f32>([1.3981999507e-3]);
const C5 = memory.data<f32>([8.3334519073e-3]);
const C4 = memory.data<f32>([4.1665795894e-2]);
const C3 = memory.data<f32>([1.6666665459e-1]);
const C2 = memory.data<f32>([5.0000001201e-1]);
const ONE = memory.data<f32>([1]);
const EXPONENT_BIAS = memory.data<i32>([127]);

/**
 * e^x per lane with at most about 2 ulp of error; 0 below -87.33, and capped at e^88.
 * Cody and Waite reduction, then the polynomial of Cephes expf. Own code, so that every host gives the same bits.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const least = v128.load32_splat(LEAST), rounder = v128.load32_splat(ROUNDER);
  const normal = f32x4.ge(x, least);
  x = f32x4.pmin(v128.load32_splat(MOST), f32x4.pmax(least, x));
  const sum = f32x4.add(f32x4.mul(x, v128.load32_splat(LOG2_E)), rounder);
  const n = f32x4.sub(sum, rounder);
  x = f32x4.sub(x, f32x4.mul(n, v128.load32_splat(LN_2_HIGH)));
  x = f32x4.sub(x, f32x4.mul(n, v128.load32_splat(LN_2_LOW)));
  let p = v128.load32_splat(C7);
  p = f32x4.add(f32x4.mul(p, x), v128.load32_splat(C6));
  p = f32x4.add(f32x4.mul(p, x), v128.load32_splat(C5));
  p = f32x4.add(f32x4.mul(p, x), v128.load32_splat(C4));
  p = f32x4.add(f32x4.mul(p, x), v128.load32_splat(C3));
  p = f32x4.add(f32x4.mul(p, x), v128.load32_splat(C2));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(x, x)), x), v128.load32_splat(ONE));
  const power = i32x4.shl(i32x4.add(nearestInteger(sum, rounder), v128.load32_splat(EXPONENT_BIAS)), 23);
  return v128.and(f32x4.mul(p, power), normal);
}
