// Q8_0 weights x int16 activations: exact in int32, and finer than int8 activations at the same cost.
// Layout, 4 rows interleaved, per block of 32 columns, 144 bytes: d f32 x4 | 8 vectors of int8.
// Vector g: each 4-byte lane is one row, columns 4g..4g+3.

// @ts-ignore: decorator
@inline
function dot(acc: v128, w: usize, x: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(v128.load8x8_s(w), x));
}

/** Lanes [r0 r0 r1 r1], [r2 r2 r3 r3] to one sum per row. */
// @ts-ignore: decorator
@inline
function rowSums(low: v128, high: v128): v128 {
  return f32x4.convert_i32x4_s(
    i32x4.add(v128.shuffle<i32>(low, high, 0, 2, 4, 6), v128.shuffle<i32>(low, high, 1, 3, 5, 7)),
  );
}

// @ts-ignore: decorator
@inline
function accumulate(acc: v128, d: v128, scale: usize, sums: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.mul(d, v128.load32_splat(scale)), sums));
}

// @ts-ignore: decorator
@inline
function rows1(w: usize, x: usize, scales: usize, y: usize, blocks: i32): void {
  let acc = f32x4.splat(0);
  for (let b = 0; b < blocks; b++) {
    let low = i32x4.splat(0), high = low;
    let v = v128.load64_splat(x);
    low = dot(low, w + 16, v), high = dot(high, w + 24, v), v = v128.load64_splat(x, 8);
    low = dot(low, w + 32, v), high = dot(high, w + 40, v), v = v128.load64_splat(x, 16);
    low = dot(low, w + 48, v), high = dot(high, w + 56, v), v = v128.load64_splat(x, 24);
    low = dot(low, w + 64, v), high = dot(high, w + 72, v), v = v128.load64_splat(x, 32);
    low = dot(low, w + 80, v), high = dot(high, w + 88, v), v = v128.load64_splat(x, 40);
    low = dot(low, w + 96, v), high = dot(high, w + 104, v), v = v128.load64_splat(x, 48);
    low = dot(low, w + 112, v), high = dot(high, w + 120, v), v = v128.load64_splat(x, 56);
    low = dot(low, w + 128, v), high = dot(high, w + 136, v);
    acc = accumulate(acc, v128.load(w), scales, rowSums(low, high));
    w += 144, x += 64, scales += 4;
  }
  v128.store(y, acc);
}

// @ts-ignore: decorator
@inline
function rows2(w: usize, x: usize, scales: usize, y: usize, blocks: i32, rowBytes: usize): void {
  const n = (<usize>blocks) << 6, ns = (<usize>blocks) << 2;
  let a0 = f32x4.splat(0), a1 = a0;
  for (let b = 0; b < blocks; b++) {
    let l0 = i32x4.splat(0), h0 = l0, l1 = l0, h1 = l0;
    for (let g: usize = 0; g < 64; g += 8) {
      const wl = v128.load8x8_s(w + 16 + (g << 1)), wh = v128.load8x8_s(w + 24 + (g << 1));
      const v0 = v128.load64_splat(x + g), v1 = v128.load64_splat(x + n + g);
      l0 = i32x4.add(l0, i32x4.dot_i16x8_s(wl, v0)), h0 = i32x4.add(h0, i32x4.dot_i16x8_s(wh, v0));
      l1 = i32x4.add(l1, i32x4.dot_i16x8_s(wl, v1)), h1 = i32x4.add(h1, i32x4.dot_i16x8_s(wh, v1));
    }
    const d = v128.load(w);
    a0 = accumulate(a0, d, scales, rowSums(l0, h0));
    a1 = accumulate(a1, d, scales + ns, rowSums(l1, h1));
    w += 144, x += 64, scales += 4;
  }
  v128.store(y, a0);
  v128.store(y + rowBytes, a1);
}

// @ts-ignore: decorator
@inline
function rows4(w: usize, x: usize, scales: usize, y: usize, blocks: i32, rowBytes: usize): void {
  const n = (<usize>blocks) << 6, ns = (<usize>blocks) << 2;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  for (let b = 0; b < blocks; b++) {
    let l0 = i32x4.splat(0), h0 = l0, l1 = l0, h1 = l0, l2 = l0, h2 = l0, l3 = l0, h3 = l0;
    for (let g: usize = 0; g < 64; g += 8) {
      const wl = v128.load8x8_s(w + 16 + (g << 1)), wh = v128.load8x8_s(w + 24 + (g << 1));
      let v = v128.load64_splat(x + g);
      l0 = i32x4.add(l0, i32x4.dot_i16x8_s(wl, v)), h0 = i32x4.add(h0, i32x4.dot_i16x8_s(wh, v));
      v = v128.load64_splat(x + n + g);
      l1 = i32x4.add(l1, i32x4.dot_i16x8_s(wl, v)), h1 = i32x4.add(h1, i32x4.dot_i16x8_s(wh, v));
      v = v128.load64_splat(x + 2 * n + g);
      l2 = i32x4.add(l2, i32x4.dot_i16x8_s(wl, v)), h2 = i32x4.add(h2, i32x4.dot_i16x8_s(wh, v));
      v = v128.load64_splat(x + 3 * n + g);
      l3 = i32x4.add(l3, i32x4.dot_i16x8_s(wl, v)), h3 = i32x4.add(h3, i32x4.dot_i16x8_s(wh, v));
    }
    const d = v128.load(w);
    a0 = accumulate(a0, d, scales, rowSums(l0, h0));
    a1 = accumulate(a1, d, scales + ns, rowSums(l1, h1));
    a2 = accumulate(a2, d, scales + 2 * ns, rowSums(l2, h2));
    a3 = accumulate(a3, d, scales + 3 * ns, rowSums(l3, h3));
    w += 144, x += 64, scales += 4;
  }
  v128.store(y, a0);
  v128.store(y + rowBytes, a1);
  v128.store(y + 2 * rowBytes, a2);
  v128.store(y + 3 * rowBytes, a3);
}

/**
 * y[input][row] = W x: x int16 [inputs][32 * blocks], scales f32 [inputs][blocks] (see quantize16).
 * `rows` is a multiple of 4; output rows lie `rowBytes` apart.
 */
export function matmulQ8(
  w: usize, x: usize, scales: usize, y: usize,
  rows: i32, blocks: i32, inputs: i32, rowBytes: usize,
): void {
  const n = (<usize>blocks) << 6, ns = (<usize>blocks) << 2, group = <usize>blocks * 144;
  for (let r = 0; r < rows; r += 4) {
    let i = 0, xi = x, si = scales, yi = y;
    for (; i + 4 <= inputs; i += 4) {
      rows4(w, xi, si, yi, blocks, rowBytes);
      xi += 4 * n, si += 4 * ns, yi += 4 * rowBytes;
    }
    if (i + 2 <= inputs) {
      rows2(w, xi, si, yi, blocks, rowBytes);
      i += 2, xi += 2 * n, si += 2 * ns, yi += 2 * rowBytes;
    }
    if (i < inputs) rows1(w, xi, si, yi, blocks);
    w += group, y += 16;
  }
}
