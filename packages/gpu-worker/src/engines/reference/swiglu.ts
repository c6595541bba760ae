/** `silu(gate) · up`, element by element. */
export function swiglu(gate: Float32Array, up: Float32Array): Float32Array {
  return gate.map((value, index) => (value / (1 + Math.exp(-value))) * up[index]!);
}
