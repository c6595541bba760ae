/** 2^112: what a half's bits, moved into a float's place, must be multiplied by. */
export const HALF_SCALE: f32 = 5192296858534827628530496329220096.0;

/**
 * The part of HALF_SCALE that scales of int8 activations carry; the rest, SUM_SCALE, is made good once per sum. All of it
 * in the activations would overflow at magnitudes that models do reach; all of it in the sum would make denormals.
 */
export const ACTIVATION_SCALE: f32 = 1267650600228229401496703205376.0;
export const SUM_SCALE: f32 = 4096.0;

/** What a half may have set once it is moved into a float's place; in memory for the reason told in exp.ts. */
export const HALF_BITS = memory.data<u32>([0x8fffe000]);

const SIGN = memory.data<u32>([0x8000]);
const MAGNITUDE = memory.data<u32>([0x7fffffff]);
const LARGEST = memory.data<u32>([0x477fe000]);
const SMALLEST = memory.data<u32>([0x38800000]);
const ALMOST_HALF_STEP = memory.data<u32>([0xfff]);
const ONE = memory.data<u32>([1]);
const EXPONENT_SHIFT = memory.data<u32>([112 << 10]);

/**
 * Four halves to floats, divided by HALF_SCALE (the caller folds it into another factor). Exact for all
 * finite halves; infinities and NaN do not occur in weights or in our cache. `bits` is four times HALF_BITS.
 */
// @ts-ignore: decorator
@inline
export function halvesUnscaled(signExtended: v128, bits: v128): v128 {
  return v128.and(i32x4.shl(signExtended, 13), bits);
}

/** One half to float. */
// @ts-ignore: decorator
@inline
export function halfToFloat(half: u32): f32 {
  return reinterpret<f32>(((half & 0x8000) << 16) | ((half & 0x7fff) << 13)) * HALF_SCALE;
}

/**
 * Four floats to halves in the low 16 bits of each lane, round to nearest even, clamped to the finite
 * range; magnitudes below the smallest normal half become 0, so that reading back never meets a denormal.
 */
// @ts-ignore: decorator
@inline
export function floatsToHalves(x: v128): v128 {
  const sign = v128.and(i32x4.shr_u(x, 16), v128.load32_splat(SIGN));
  const magnitude = i32x4.min_u(v128.and(x, v128.load32_splat(MAGNITUDE)), v128.load32_splat(LARGEST));
  const odd = v128.and(i32x4.shr_u(magnitude, 13), v128.load32_splat(ONE));
  const rounded = i32x4.sub(
    i32x4.shr_u(i32x4.add(i32x4.add(magnitude, v128.load32_splat(ALMOST_HALF_STEP)), odd), 13),
    v128.load32_splat(EXPONENT_SHIFT),
  );
  const normal = i32x4.ge_u(magnitude, v128.load32_splat(SMALLEST));
  return v128.or(sign, v128.and(rounded, normal));
}
