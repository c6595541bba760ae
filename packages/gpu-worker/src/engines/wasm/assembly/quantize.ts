import { ACTIVATION_SCALE } from './half';
import { nearestInteger, ROUNDER } from './round';

/** Blocks whose largest magnitude is below this are taken for zeros: their inverse scale would overflow. */
const LEAST: f32 = 1e-30;
/** All bits of a float but the sign; in memory for the reason told in exp.ts. */
const MAGNITUDE = memory.data<u32>([0x7fffffff]);

/** Magnitudes compare as integers as they do as floats; that is one instruction where a float maximum is several. */
// @ts-ignore: decorator
@inline
function largest(x: usize, magnitude: v128): f32 {
  let m = v128.and(v128.load(x), magnitude);
  for (let c: usize = 16; c < 128; c += 16) m = i32x4.max_s(m, v128.and(v128.load(x + c), magnitude));
  m = i32x4.max_s(m, v128.shuffle<i32>(m, m, 2, 3, 0, 1));
  m = i32x4.max_s(m, v128.shuffle<i32>(m, m, 1, 0, 3, 2));
  return f32x4.extract_lane(m, 0);
}

// @ts-ignore: decorator
@inline
function rounded(x: usize, inverse: v128, rounder: v128): v128 {
  return nearestInteger(f32x4.add(f32x4.mul(v128.load(x), inverse), rounder), rounder);
}

/**
 * x f32 [32 * blocks] to int8 in [-127, 127] per block of 32, its scale, and scale * (sum of the block's integers); both
 * times ACTIVATION_SCALE.
 */
export function quantize8(x: usize, q: usize, scales: usize, sums: usize, blocks: i32): void {
  const magnitude = v128.load32_splat(MAGNITUDE), rounder = v128.load32_splat(ROUNDER);
  for (let b = 0; b < blocks; b++) {
    const top = largest(x, magnitude), scale = top / 127;
    const inverse = f32x4.splat(top > LEAST ? <f32>127 / top : 0);
    let total = i32x4.splat(0);
    for (let h: usize = 0; h < 2; h++) {
      const i0 = rounded(x, inverse, rounder), i1 = rounded(x + 16, inverse, rounder);
      const i2 = rounded(x + 32, inverse, rounder), i3 = rounded(x + 48, inverse, rounder);
      total = i32x4.add(total, i32x4.add(i32x4.add(i0, i1), i32x4.add(i2, i3)));
      v128.store(q, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(i0, i1), i16x8.narrow_i32x4_s(i2, i3)));
      x += 64, q += 16;
    }
    total = i32x4.add(total, v128.shuffle<i32>(total, total, 2, 3, 0, 1));
    total = i32x4.add(total, v128.shuffle<i32>(total, total, 1, 0, 3, 2));
    store<f32>(scales, scale * ACTIVATION_SCALE);
    store<f32>(sums, scale * ACTIVATION_SCALE * <f32>i32x4.extract_lane(total, 0));
    scales += 4, sums += 4;
  }
}

/** x f32 [32 * blocks] to int16 in [-32767, 32767] per block of 32, and its scale. 32 products with int8 stay below 2^28. */
export function quantize16(x: usize, q: usize, scales: usize, blocks: i32): void {
  const magnitude = v128.load32_splat(MAGNITUDE), rounder = v128.load32_splat(ROUNDER);
  for (let b = 0; b < blocks; b++) {
    const top = largest(x, magnitude);
    const inverse = f32x4.splat(top > LEAST ? <f32>32767 / top : 0);
    for (let c = 0; c < 4; c++) {
      v128.store(q, i16x8.narrow_i32x4_s(rounded(x, inverse, rounder), rounded(x + 16, inverse, rounder)));
      x += 32, q += 16;
    }
    store<f32>(scales, top / 32767);
    scales += 4;
  }
}
