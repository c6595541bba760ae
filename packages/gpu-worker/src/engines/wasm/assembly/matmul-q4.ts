// Q4_0 and Q4_1 weights x int8 activations.
// Layout, 4 rows interleaved, per block of 32 columns, 80 bytes: d f16 x4 | m f16 x4 | 4 vectors of nibbles.
// Nibble vector g: each 4-byte lane is one row; low nibbles are columns 4g..4g+3, high nibbles 16+4g..16+4g+3
// (as in GGUF, so that repacking moves whole words). Q4_0 is stored with m = -8 d.

import { HALF_BITS, halvesUnscaled, SUM_SCALE } from './half';

/** Bytes of a block of four rows. */
const BLOCK: usize = 80;
const NIBBLES = memory.data<u32>([0x0f0f0f0f]);

/** Adds the products of one nibble vector with four columns; at most 8 of them fit an int16 lane: 8 * 2 * 127 * 15 < 2^15. */
// @ts-ignore: decorator
@inline
function dot(acc: v128, x: usize, nibbles: v128): v128 {
  return i16x8.add(acc, i16x8.relaxed_dot_i8x16_i7x16_s(v128.load32_splat(x), nibbles));
}

// @ts-ignore: decorator
@inline
function block1(w: usize, x: usize, mask: v128): v128 {
  const q0 = v128.load(w, 16), q1 = v128.load(w, 32), q2 = v128.load(w, 48), q3 = v128.load(w, 64);
  if (ASC_FEATURE_RELAXED_SIMD) {
    let acc = i16x8.relaxed_dot_i8x16_i7x16_s(v128.load32_splat(x), v128.and(q0, mask));
    acc = dot(acc, x + 16, v128.and(i16x8.shr_u(q0, 4), mask));
    acc = dot(acc, x + 4, v128.and(q1, mask));
    acc = dot(acc, x + 20, v128.and(i16x8.shr_u(q1, 4), mask));
    acc = dot(acc, x + 8, v128.and(q2, mask));
    acc = dot(acc, x + 24, v128.and(i16x8.shr_u(q2, 4), mask));
    acc = dot(acc, x + 12, v128.and(q3, mask));
    acc = dot(acc, x + 28, v128.and(i16x8.shr_u(q3, 4), mask));
    return f32x4.convert_i32x4_s(i32x4.extadd_pairwise_i16x8_s(acc));
  }
  let low = i16x8.splat(0), high = low;
  let v = v128.load32_splat(x), n = v128.and(q0, mask);
  low = i16x8.add(low, i16x8.extmul_low_i8x16_s(v, n)), high = i16x8.add(high, i16x8.extmul_high_i8x16_s(v, n));
  v = v128.load32_splat(x, 16), n = i8x16.shr_u(q0, 4);
  low = i16x8.add(low, i16x8.extmul_low_i8x16_s(v, n)), high = i16x8.add(high, i16x8.extmul_high_i8x16_s(v, n));
  v = v128.load32_splat(x, 4), n = v128.and(q1, mask);
  low = i16x8.add(low, i16x8.extmul_low_i8x16_s(v, n)), high = i16x8.add(high, i16x8.extmul_high_i8x16_s(v, n));
  v = v128.load32_splat(x, 20), n = i8x16.shr_u(q1, 4);
  low = i16x8.add(low, i16x8.extmul_low_i8x16_s(v, n)), high = i16x8.add(high, i16x8.extmul_high_i8x16_s(v, n));
  v = v128.load32_splat(x, 8), n = v128.and(q2, mask);
  low = i16x8.add(low, i16x8.extmul_low_i8x16_s(v, n)), high = i16x8.add(high, i16x8.extmul_high_i8x16_s(v, n));
  v = v128.load32_splat(x, 24), n = i8x16.shr_u(q2, 4);
  low = i16x8.add(low, i16x8.extmul_low_i8x16_s(v, n)), high = i16x8.add(high, i16x8.extmul_high_i8x16_s(v, n));
  v = v128.load32_splat(x, 12), n = v128.and(q3, mask);
  low = i16x8.add(low, i16x8.extmul_low_i8x16_s(v, n)), high = i16x8.add(high, i16x8.extmul_high_i8x16_s(v, n));
  v = v128.load32_splat(x, 28), n = i8x16.shr_u(q3, 4);
  low = i16x8.add(low, i16x8.extmul_low_i8x16_s(v, n)), high = i16x8.add(high, i16x8.extmul_high_i8x16_s(v, n));
  const a = i32x4.extadd_pairwise_i16x8_s(low), b = i32x4.extadd_pairwise_i16x8_s(high);
  return f32x4.convert_i32x4_s(i32x4.add(v128.shuffle<i32>(a, b, 0, 2, 4, 6), v128.shuffle<i32>(a, b, 1, 3, 5, 7)));
}

// @ts-ignore: decorator
@inline
function halves(at: usize, bits: v128): v128 {
  return halvesUnscaled(v128.load16x4_s(at), bits);
}

// @ts-ignore: decorator
@inline
function storeSum(y: usize, acc: v128): void {
  v128.store(y, f32x4.mul(acc, f32x4.splat(SUM_SCALE)));
}

/** acc + (m * xsum + (d * xscale) * dot): the one order of sums, for any number of inputs. */
// @ts-ignore: decorator
@inline
function accumulate(acc: v128, d: v128, m: v128, scale: usize, sum: usize, products: v128): v128 {
  return f32x4.add(
    acc,
    f32x4.add(f32x4.mul(m, v128.load32_splat(sum)), f32x4.mul(f32x4.mul(d, v128.load32_splat(scale)), products)),
  );
}

// @ts-ignore: decorator
@inline
function rows1(w: usize, x: usize, scales: usize, sums: usize, y: usize, blocks: i32): void {
  const mask = v128.load32_splat(NIBBLES), bits = v128.load32_splat(HALF_BITS);
  let acc = f32x4.splat(0);
  for (let b = 0; b < blocks; b++) {
    acc = accumulate(acc, halves(w, bits), halves(w + 8, bits), scales, sums, block1(w, x, mask));
    w += BLOCK, x += 32, scales += 4, sums += 4;
  }
  storeSum(y, acc);
}

// @ts-ignore: decorator
@inline
function rows2(w: usize, x: usize, scales: usize, sums: usize, y: usize, blocks: i32, rowBytes: usize): void {
  const mask = v128.load32_splat(NIBBLES), bits = v128.load32_splat(HALF_BITS);
  const n = (<usize>blocks) << 5, ns = (<usize>blocks) << 2;
  let a0 = f32x4.splat(0), a1 = a0;
  for (let b = 0; b < blocks; b++) {
    const d = halves(w, bits), m = halves(w + 8, bits);
    a0 = accumulate(a0, d, m, scales, sums, block1(w, x, mask));
    a1 = accumulate(a1, d, m, scales + ns, sums + ns, block1(w, x + n, mask));
    w += BLOCK, x += 32, scales += 4, sums += 4;
  }
  storeSum(y, a0);
  storeSum(y + rowBytes, a1);
}

// @ts-ignore: decorator
@inline
function rows4(w: usize, xq: usize, scales: usize, sums: usize, y: usize, blocks: i32, rowBytes: usize): void {
  const mask = v128.load32_splat(NIBBLES), bits = v128.load32_splat(HALF_BITS);
  const n = (<usize>blocks) << 5, ns = (<usize>blocks) << 2;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  if (ASC_FEATURE_RELAXED_SIMD) {
    for (let b = 0; b < blocks; b++) {
      const x0 = xq + (b << 5), x1 = x0 + n, x2 = x1 + n, x3 = x2 + n;
      let s0 = i16x8.splat(0), s1 = s0, s2 = s0, s3 = s0;
      for (let g: usize = 0; g < 16; g += 4) {
        const q = v128.load(w + 16 + (g << 2));
        const low = v128.and(q, mask), high = v128.and(i16x8.shr_u(q, 4), mask);
        s0 = dot(dot(s0, x0 + g, low), x0 + g + 16, high);
        s1 = dot(dot(s1, x1 + g, low), x1 + g + 16, high);
        s2 = dot(dot(s2, x2 + g, low), x2 + g + 16, high);
        s3 = dot(dot(s3, x3 + g, low), x3 + g + 16, high);
      }
      const d = halves(w, bits), m = halves(w + 8, bits);
      a0 = accumulate(a0, d, m, scales, sums, f32x4.convert_i32x4_s(i32x4.extadd_pairwise_i16x8_s(s0)));
      a1 = accumulate(a1, d, m, scales + ns, sums + ns, f32x4.convert_i32x4_s(i32x4.extadd_pairwise_i16x8_s(s1)));
      a2 = accumulate(a2, d, m, scales + 2 * ns, sums + 2 * ns, f32x4.convert_i32x4_s(i32x4.extadd_pairwise_i16x8_s(s2)));
      a3 = accumulate(a3, d, m, scales + 3 * ns, sums + 3 * ns, f32x4.convert_i32x4_s(i32x4.extadd_pairwise_i16x8_s(s3)));
      w += BLOCK, scales += 4, sums += 4;
    }
  } else {
    let x = xq;
    for (let b = 0; b < blocks; b++) {
      const d = halves(w, bits), m = halves(w + 8, bits);
      a0 = accumulate(a0, d, m, scales, sums, block1(w, x, mask));
      a1 = accumulate(a1, d, m, scales + ns, sums + ns, block1(w, x + n, mask));
      a2 = accumulate(a2, d, m, scales + 2 * ns, sums + 2 * ns, block1(w, x + 2 * n, mask));
      a3 = accumulate(a3, d, m, scales + 3 * ns, sums + 3 * ns, block1(w, x + 3 * n, mask));
      w += BLOCK, x += 32, scales += 4, sums += 4;
    }
  }
  storeSum(y, a0);
  storeSum(y + rowBytes, a1);
  storeSum(y + 2 * rowBytes, a2);
  storeSum(y + 3 * rowBytes, a3);
}

/**
 * y[input][row] = W x for `inputs` activations: x int8 [inputs][32 * blocks], scales and sums f32 [inputs][blocks]
 * (see quantize8). `rows` is a multiple of 4; output rows lie `rowBytes` apart.
 */
export function matmulQ4(
  w: usize, x: usize, scales: usize, sums: usize, y: usize,
  rows: i32, blocks: i32, inputs: i32, rowBytes: usize,
): void {
  const n = (<usize>blocks) << 5, ns = (<usize>blocks) << 2, group = <usize>blocks * BLOCK;
  for (let r = 0; r < rows; r += 4) {
    let i = 0, xi = x, si = scales, ui = sums, yi = y;
    for (; i + 4 <= inputs; i += 4) {
      rows4(w, xi, si, ui, yi, blocks, rowBytes);
      xi += 4 * n, si += 4 * ns, ui += 4 * ns, yi += 4 * rowBytes;
    }
    if (i + 2 <= inputs) {
      rows2(w, xi, si, ui, yi, blocks, rowBytes);
      i += 2, xi += 2 * n, si += 2 * ns, ui += 2 * ns, yi += 2 * rowBytes;
    }
    if (i < inputs) rows1(w, xi, si, ui, yi, blocks);
    w += group, y += 16;
  }
}
