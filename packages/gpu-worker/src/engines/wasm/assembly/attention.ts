// Grouped-query attention of one position over a paged cache (layout in kv-cache.ts).
// Sums over positions run from 0 upwards whatever is computed beside them, so results depend on the position alone.
import { exp4 } from './exp';
import { HALF_BITS, HALF_SCALE, halvesUnscaled } from './half';
import { PAGE } from './kv-cache';

/** Scores of G query heads against 8 positions: out[head][position], one fused pass over the keys. */
// @ts-ignore: decorator
@inline
function scores8(G: i32, q: usize, headBytes: usize, keys: usize, headSize: i32, out: usize, stride: usize): void {
  let a0 = f32x4.splat(0), b0 = a0, a1 = a0, b1 = a0, a2 = a0, b2 = a0, a3 = a0, b3 = a0;
  const bits = v128.load32_splat(HALF_BITS);
  for (let c = 0; c < headSize; c++) {
    const k = v128.load(keys);
    const ka = halvesUnscaled(i32x4.extend_low_i16x8_s(k), bits), kb = halvesUnscaled(i32x4.extend_high_i16x8_s(k), bits);
    let s = v128.load32_splat(q);
    a0 = f32x4.add(a0, f32x4.mul(s, ka)), b0 = f32x4.add(b0, f32x4.mul(s, kb));
    if (G > 1) {
      s = v128.load32_splat(q + headBytes);
      a1 = f32x4.add(a1, f32x4.mul(s, ka)), b1 = f32x4.add(b1, f32x4.mul(s, kb));
    }
    if (G > 2) {
      s = v128.load32_splat(q + 2 * headBytes);
      a2 = f32x4.add(a2, f32x4.mul(s, ka)), b2 = f32x4.add(b2, f32x4.mul(s, kb));
    }
    if (G > 3) {
      s = v128.load32_splat(q + 3 * headBytes);
      a3 = f32x4.add(a3, f32x4.mul(s, ka)), b3 = f32x4.add(b3, f32x4.mul(s, kb));
    }
    keys += PAGE * 2, q += 4;
  }
  v128.store(out, a0), v128.store(out, b0, 16);
  if (G > 1) v128.store(out + stride, a1), v128.store(out + stride, b1, 16);
  if (G > 2) v128.store(out + 2 * stride, a2), v128.store(out + 2 * stride, b2, 16);
  if (G > 3) v128.store(out + 3 * stride, a3), v128.store(out + 3 * stride, b3, 16);
}

/** Softmax numerators in place; returns their sum. Lanes from `length` to the next multiple of 8 become 0. */
function softmax(scores: usize, length: i32): f32 {
  const end = scores + ((<usize>(length + 7) & ~7) << 2);
  for (let p = scores + ((<usize>length) << 2); p < end; p += 4) store<f32>(p, -Infinity);
  let m = v128.load(scores);
  for (let p = scores + 16; p < end; p += 16) m = f32x4.max(m, v128.load(p));
  m = f32x4.max(m, v128.shuffle<i32>(m, m, 2, 3, 0, 1));
  m = f32x4.max(m, v128.shuffle<i32>(m, m, 1, 0, 3, 2));
  let sum = f32x4.splat(0);
  for (let p = scores; p < end; p += 16) {
    const e = exp4(f32x4.sub(v128.load(p), m));
    v128.store(p, e);
    sum = f32x4.add(sum, e);
  }
  sum = f32x4.add(sum, v128.shuffle<i32>(sum, sum, 2, 3, 0, 1));
  sum = f32x4.add(sum, v128.shuffle<i32>(sum, sum, 1, 0, 3, 2));
  return f32x4.extract_lane(sum, 0);
}

/** out[head][8 dimensions] += sum over a page's `count` positions of weight * value, for G heads. */
// @ts-ignore: decorator
@inline
function values8(G: i32, weights: usize, stride: usize, values: usize, count: i32, rowBytes: usize, out: usize, headBytes: usize): void {
  let a0 = v128.load(out), b0 = v128.load(out, 16);
  let a1 = a0, b1 = b0, a2 = a0, b2 = b0, a3 = a0, b3 = b0;
  if (G > 1) a1 = v128.load(out + headBytes), b1 = v128.load(out + headBytes, 16);
  if (G > 2) a2 = v128.load(out + 2 * headBytes), b2 = v128.load(out + 2 * headBytes, 16);
  if (G > 3) a3 = v128.load(out + 3 * headBytes), b3 = v128.load(out + 3 * headBytes, 16);
  const bits = v128.load32_splat(HALF_BITS);
  for (let p = 0; p < count; p++) {
    const v = v128.load(values);
    const va = halvesUnscaled(i32x4.extend_low_i16x8_s(v), bits), vb = halvesUnscaled(i32x4.extend_high_i16x8_s(v), bits);
    let s = v128.load32_splat(weights);
    a0 = f32x4.add(a0, f32x4.mul(s, va)), b0 = f32x4.add(b0, f32x4.mul(s, vb));
    if (G > 1) {
      s = v128.load32_splat(weights + stride);
      a1 = f32x4.add(a1, f32x4.mul(s, va)), b1 = f32x4.add(b1, f32x4.mul(s, vb));
    }
    if (G > 2) {
      s = v128.load32_splat(weights + 2 * stride);
      a2 = f32x4.add(a2, f32x4.mul(s, va)), b2 = f32x4.add(b2, f32x4.mul(s, vb));
    }
    if (G > 3) {
      s = v128.load32_splat(weights + 3 * stride);
      a3 = f32x4.add(a3, f32x4.mul(s, va)), b3 = f32x4.add(b3, f32x4.mul(s, vb));
    }
    values += rowBytes, weights += 4;
  }
  v128.store(out, a0), v128.store(out, b0, 16);
  if (G > 1) v128.store(out + headBytes, a1), v128.store(out + headBytes, b1, 16);
  if (G > 2) v128.store(out + 2 * headBytes, a2), v128.store(out + 2 * headBytes, b2, 16);
  if (G > 3) v128.store(out + 3 * headBytes, a3), v128.store(out + 3 * headBytes, b3, 16);
}

/** Scores of G query heads that share one key/value head, for positions `[first, end)`; `first` is a multiple of 8. */
// @ts-ignore: decorator
@inline
function scoresOf(
  G: i32, q: usize, pages: usize, offset: usize, headSize: i32, first: i32, end: i32, scores: usize, stride: usize,
): void {
  for (let p = first; p < end; p += 8) {
    const page = <usize>load<u32>(pages + ((<usize>p / PAGE) << 2)) + offset;
    scores8(
      G, q, (<usize>headSize) << 2, page + ((<usize>p % PAGE) << 1), headSize, scores + ((<usize>p) << 2), stride,
    );
  }
}

/** A query head's scores to weights, in place. */
export function weigh(scores: usize, length: i32): void {
  const scale = f32x4.splat(HALF_SCALE / softmax(scores, length)), end = scores + ((<usize>length) << 2);
  for (let p = scores; p < end; p += 16) v128.store(p, f32x4.mul(v128.load(p), scale));
}

/** Dimensions `[first, end)`, multiples of 8, of what G query heads that share one key/value head take from the values. */
// @ts-ignore: decorator
@inline
function valuesOf(
  G: i32, weights: usize, stride: usize, pages: usize, offset: usize, headSize: i32, length: i32,
  first: i32, end: i32, out: usize,
): void {
  const headBytes = (<usize>headSize) << 2, halfBytes = (<usize>headSize) << 1;
  for (let g = 0; g < G; g++) memory.fill(out + <usize>g * headBytes + ((<usize>first) << 2), 0, (<usize>(end - first)) << 2);
  for (let p = 0; p < length; p += PAGE) {
    const values = <usize>load<u32>(pages + ((<usize>p / PAGE) << 2)) + offset + halfBytes * PAGE;
    const count = min(PAGE, length - p), at = weights + ((<usize>p) << 2);
    for (let c = <usize>first; c < <usize>end; c += 8) {
      values8(G, at, stride, values + (c << 1), count, halfBytes, out + (c << 2), headBytes);
    }
  }
}

/** Queries `[count]` in place to what the cache's unscaled halves are multiplied by. */
export function scaleQueries(q: usize, count: i32, headSize: i32): void {
  const scale = f32x4.splat(HALF_SCALE / sqrt<f32>(<f32>headSize));
  for (let end = q + ((<usize>count) << 2); q < end; q += 16) v128.store(q, f32x4.mul(v128.load(q), scale));
}

/**
 * First of three steps, for the `group` query heads of one key/value head: scores of positions `[first, end)`.
 *
 * q: f32 [group][headSize], scaled. pages: u32 addresses of the sequence's pages. offset: bytes from a page's start to
 * this layer's and head's keys. scores: `group` rows, `stride` bytes each (at least 4 * length rounded up to 32).
 */
export function headScores(
  q: usize, pages: usize, offset: usize, group: i32, headSize: i32, first: i32, end: i32, scores: usize, stride: usize,
): void {
  for (let left = group; left > 0; left -= 4) {
    if (left >= 4) scoresOf(4, q, pages, offset, headSize, first, end, scores, stride);
    else if (left == 3) scoresOf(3, q, pages, offset, headSize, first, end, scores, stride);
    else if (left == 2) scoresOf(2, q, pages, offset, headSize, first, end, scores, stride);
    else scoresOf(1, q, pages, offset, headSize, first, end, scores, stride);
    q += (<usize>headSize) << 4, scores += stride << 2;
  }
}

/** Last of three steps: dimensions `[first, end)` of out, f32 [group][headSize]; `weigh` of all scores comes between. */
export function headValues(
  weights: usize, stride: usize, pages: usize, offset: usize, group: i32, headSize: i32, length: i32,
  first: i32, end: i32, out: usize,
): void {
  for (let left = group; left > 0; left -= 4) {
    if (left >= 4) valuesOf(4, weights, stride, pages, offset, headSize, length, first, end, out);
    else if (left == 3) valuesOf(3, weights, stride, pages, offset, headSize, length, first, end, out);
    else if (left == 2) valuesOf(2, weights, stride, pages, offset, headSize, length, first, end, out);
    else valuesOf(1, weights, stride, pages, offset, headSize, length, first, end, out);
    out += (<usize>headSize) << 4, weights += stride << 2;
  }
}

/**
 * All three steps for a position that looks at `length` positions, itself included, four query heads at a time: `scores`
 * has 4 rows. The queries are scaled in place.
 */
export function attendHead(
  q: usize, pages: usize, offset: usize, group: i32, headSize: i32,
  length: i32, scores: usize, stride: usize, out: usize,
): void {
  scaleQueries(q, group * headSize, headSize);
  for (let left = group; left > 0; left -= 4) {
    const take = min(left, 4);
    headScores(q, pages, offset, take, headSize, 0, length, scores, stride);
    for (let g = 0; g < take; g++) weigh(scores + <usize>g * stride, length);
    headValues(scores, stride, pages, offset, take, headSize, length, 0, headSize, out);
    q += (<usize>headSize) << 4, out += (<usize>headSize) << 4;
  }
}
