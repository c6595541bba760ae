/** Each row of `input` divided by its root mean square (`epsilon` added to the mean) and scaled by `weight`. */
export function rmsNorm(input: Float32Array, weight: Float32Array, epsilon: number): Float32Array {
  const columns = weight.length;
  const output = new Float32Array(input.length);
  for (let start = 0; start < input.length; start += columns) {
    let squares = 0;
    for (let column = 0; column < columns; column++) squares += input[start + column]! ** 2;
    const scale = 1 / Math.sqrt(squares / columns + epsilon);
    for (let column = 0; column < columns; column++) {
      output[start + column] = input[start + column]! * scale * weight[column]!;
    }
  }
  return output;
}
