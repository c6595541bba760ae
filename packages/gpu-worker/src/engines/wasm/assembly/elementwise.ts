import { exp4 } from './exp';

/** x += y, f32; `count` is a multiple of 4. */
export function addInPlace(x: usize, y: usize, count: i32): void {
  for (let c: usize = 0, bytes = (<usize>count) << 2; c < bytes; c += 16) {
    v128.store(x + c, f32x4.add(v128.load(x + c), v128.load(y + c)));
  }
}

/** gate = gate / (1 + e^-gate) * up, f32; `count` is a multiple of 4. */
export function swiglu(gate: usize, up: usize, count: i32): void {
  const one = f32x4.splat(1);
  for (let c: usize = 0, bytes = (<usize>count) << 2; c < bytes; c += 16) {
    const g = v128.load(gate + c);
    const silu = f32x4.div(g, f32x4.add(one, exp4(f32x4.neg(g))));
    v128.store(gate + c, f32x4.mul(silu, v128.load(up + c)));
  }
}
