// F32 and F16 weights x float32 activations. Layout, 4 rows interleaved: [column][4 rows].
import { HALF_BITS, HALF_SCALE, halvesUnscaled } from './half';

/** y[input][row] = W x: x f32 [inputs][columns]; `rows` is a multiple of 4; output rows lie `rowBytes` apart. */
export function matmulF32(w: usize, x: usize, y: usize, rows: i32, columns: i32, inputs: i32, rowBytes: usize): void {
  for (let r = 0; r < rows; r += 4) {
    for (let i = 0; i < inputs; i++) {
      const xi = x + <usize>i * <usize>columns * 4;
      let acc = f32x4.splat(0);
      for (let c: usize = 0; c < <usize>columns; c++) {
        acc = f32x4.add(acc, f32x4.mul(v128.load(w + (c << 4)), v128.load32_splat(xi + (c << 2))));
      }
      v128.store(y + <usize>i * rowBytes, acc);
    }
    w += (<usize>columns) << 4;
    y += 16;
  }
}

/** The same for half-precision weights. */
export function matmulF16(w: usize, x: usize, y: usize, rows: i32, columns: i32, inputs: i32, rowBytes: usize): void {
  const scale = f32x4.splat(HALF_SCALE), bits = v128.load32_splat(HALF_BITS);
  for (let r = 0; r < rows; r += 4) {
    for (let i = 0; i < inputs; i++) {
      const xi = x + <usize>i * <usize>columns * 4;
      let acc = f32x4.splat(0);
      for (let c: usize = 0; c < <usize>columns; c++) {
        const weight = f32x4.mul(halvesUnscaled(v128.load16x4_s(w + (c << 3)), bits), scale);
        acc = f32x4.add(acc, f32x4.mul(weight, v128.load32_splat(xi + (c << 2))));
      }
      v128.store(y + <usize>i * rowBytes, acc);
    }
    w += (<usize>columns) << 3;
    y += 16;
  }
}
