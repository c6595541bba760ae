/** out[row] = x[row] / sqrt(mean(x^2) + epsilon) * weight, f32; `columns` is a multiple of 4. */
export function rmsNorm(x: usize, weight: usize, out: usize, columns: i32, rows: i32, epsilon: f32): void {
  const bytes = (<usize>columns) << 2;
  for (let r = 0; r < rows; r++) {
    let squares = f32x4.splat(0);
    for (let c: usize = 0; c < bytes; c += 16) {
      const v = v128.load(x + c);
      squares = f32x4.add(squares, f32x4.mul(v, v));
    }
    squares = f32x4.add(squares, v128.shuffle<i32>(squares, squares, 2, 3, 0, 1));
    squares = f32x4.add(squares, v128.shuffle<i32>(squares, squares, 1, 0, 3, 2));
    const scale = f32x4.splat(<f32>1 / sqrt<f32>(f32x4.extract_lane(squares, 0) / <f32>columns + epsilon));
    for (let c: usize = 0; c < bytes; c += 16) {
      v128.store(out + c, f32x4.mul(f32x4.mul(v128.load(x + c), scale), v128.load(weight + c)));
    }
    x += bytes;
    out += bytes;
  }
}
