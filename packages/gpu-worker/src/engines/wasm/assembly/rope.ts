/**
 * Factors of one position: cosines then signed sines, f32, `dimensions` of each, laid out so that
 * rotated = x * cosine + partner(x) * sine. Pair p turns by position * base^(-2p / dimensions).
 * Computed in float64 by code of our own module, so that every host gives the same bits.
 */
export function ropeTable(out: usize, position: i32, base: f64, dimensions: i32, halves: bool): void {
  const pairs = dimensions >> 1;
  const sines = out + ((<usize>dimensions) << 2);
  for (let p = 0; p < pairs; p++) {
    const angle = <f64>position * NativeMath.pow(base, (-2.0 * <f64>p) / <f64>dimensions);
    const cosine = <f32>NativeMath.cos(angle),
      sine = <f32>NativeMath.sin(angle);
    const first = (<usize>(halves ? p : p << 1)) << 2,
      second = (<usize>(halves ? p + pairs : (p << 1) + 1)) << 2;
    store<f32>(out + first, cosine);
    store<f32>(out + second, cosine);
    store<f32>(sines + first, -sine);
    store<f32>(sines + second, sine);
  }
}

/**
 * Turns `heads` heads of `headSize` floats in place by the factors of `ropeTable`; `dimensions` of each head
 * take part (a multiple of 4, of 8 for halves).
 */
export function rope(x: usize, table: usize, heads: i32, headSize: i32, dimensions: i32, halves: bool): void {
  const bytes = (<usize>dimensions) << 2,
    half = bytes >> 1,
    sines = table + bytes;
  for (let h = 0; h < heads; h++) {
    if (halves) {
      for (let c: usize = 0; c < half; c += 16) {
        const a = v128.load(x + c),
          b = v128.load(x + half + c);
        v128.store(x + c, f32x4.add(f32x4.mul(a, v128.load(table + c)), f32x4.mul(b, v128.load(sines + c))));
        v128.store(
          x + half + c,
          f32x4.add(f32x4.mul(b, v128.load(table + half + c)), f32x4.mul(a, v128.load(sines + half + c))),
        );
      }
    } else {
      for (let c: usize = 0; c < bytes; c += 16) {
        const v = v128.load(x + c),
          partner = v128.shuffle<i32>(v, v, 1, 0, 3, 2);
        v128.store(x + c, f32x4.add(f32x4.mul(v, v128.load(table + c)), f32x4.mul(partner, v128.load(sines + c))));
      }
    }
    x += (<usize>headSize) << 2;
  }
}
