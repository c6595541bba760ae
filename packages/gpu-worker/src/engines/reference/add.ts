/** `left + right`, element by element: the residual connection. */
export function add(left: Float32Array, right: Float32Array): Float32Array {
  return left.map((value, index) => value + right[index]!);
}
