// One row of an interleaved matrix back to floats: the token embedding shares its bytes with a tied output head.
import { halfToFloat } from './half';

/** Row of Q4 (layout in matmul-q4.ts), f32 [32 * blocks]. */
export function embedQ4(w: usize, row: i32, blocks: i32, out: usize): void {
  const lane = (<usize>row & 3) << 2;
  w += (<usize>row >> 2) * <usize>blocks * 80;
  for (let b = 0; b < blocks; b++) {
    const d = halfToFloat(load<u16>(w + (lane >> 1)));
    const m = halfToFloat(load<u16>(w + (lane >> 1), 8));
    for (let c: usize = 0; c < 16; c++) {
      const q = load<u8>(w + 16 + ((c >> 2) << 4) + lane + (c & 3));
      store<f32>(out + (c << 2), d * <f32>(q & 15) + m);
      store<f32>(out + (c << 2), d * <f32>(q >> 4) + m, 64);
    }
    w += 80;
    out += 128;
  }
}

/** Row of Q8 (layout in matmul-q8.ts), f32 [32 * blocks]. */
export function embedQ8(w: usize, row: i32, blocks: i32, out: usize): void {
  const lane = (<usize>row & 3) << 2;
  w += (<usize>row >> 2) * <usize>blocks * 144;
  for (let b = 0; b < blocks; b++) {
    const d = load<f32>(w + lane);
    for (let c: usize = 0; c < 32; c++) {
      store<f32>(out + (c << 2), d * <f32>load<i8>(w + 16 + ((c >> 2) << 4) + lane + (c & 3)));
    }
    w += 144;
    out += 128;
  }
}

/** Row of F32 (layout in matmul-float.ts). */
export function embedF32(w: usize, row: i32, columns: i32, out: usize): void {
  w += (<usize>row >> 2) * <usize>columns * 16 + ((<usize>row & 3) << 2);
  for (let c: usize = 0; c < <usize>columns; c++) store<f32>(out + (c << 2), load<f32>(w + (c << 4)));
}

/** Row of F16 (layout in matmul-float.ts). */
export function embedF16(w: usize, row: i32, columns: i32, out: usize): void {
  w += (<usize>row >> 2) * <usize>columns * 8 + ((<usize>row & 3) << 1);
  for (let c: usize = 0; c < <usize>columns; c++) store<f32>(out + (c << 2), halfToFloat(load<u16>(w + (c << 3))));
}
