/**
 * `input · weightsᵀ`: input `[rows, columns]`, weights `[outputs, columns]`, result `[rows, outputs]`.
 *
 * Every result is one sum over the columns in ascending order, held in double precision and rounded to
 * float32 once, so it does not depend on the other rows. The blocking (four outputs by two rows) only
 * decides which sums run side by side.
 */
export function matmul(input: Float32Array, weights: Float32Array, columns: number): Float32Array {
  const rows = input.length / columns;
  const outputs = weights.length / columns;
  const result = new Float32Array(rows * outputs);
  const blocked = outputs - (outputs % 4);
  for (let output = 0; output < blocked; output += 4) {
    let row = 0;
    for (; row + 1 < rows; row += 2) fourByTwo(input, weights, columns, outputs, output, row, result);
    if (row < rows) fourByOne(input, weights, columns, outputs, output, row, result);
  }
  for (let output = blocked; output < outputs; output++) {
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += weights[output * columns + k]! * input[row * columns + k]!;
      result[row * outputs + output] = sum;
    }
  }
  return result;
}

function fourByTwo(
  input: Float32Array,
  weights: Float32Array,
  columns: number,
  outputs: number,
  output: number,
  row: number,
  result: Float32Array,
): void {
  const w0 = output * columns;
  const w1 = w0 + columns;
  const w2 = w1 + columns;
  const w3 = w2 + columns;
  const first = row * columns;
  const second = first + columns;
  let a0 = 0;
  let a1 = 0;
  let a2 = 0;
  let a3 = 0;
  let b0 = 0;
  let b1 = 0;
  let b2 = 0;
  let b3 = 0;
  for (let k = 0; k < columns; k++) {
    const a = input[first + k]!;
    const b = input[second + k]!;
    const p = weights[w0 + k]!;
    const q = weights[w1 + k]!;
    const r = weights[w2 + k]!;
    const s = weights[w3 + k]!;
    a0 += p * a;
    a1 += q * a;
    a2 += r * a;
    a3 += s * a;
    b0 += p * b;
    b1 += q * b;
    b2 += r * b;
    b3 += s * b;
  }
  const target = row * outputs + output;
  result[target] = a0;
  result[target + 1] = a1;
  result[target + 2] = a2;
  result[target + 3] = a3;
  result[target + outputs] = b0;
  result[target + outputs + 1] = b1;
  result[target + outputs + 2] = b2;
  result[target + outputs + 3] = b3;
}

function fourByOne(
  input: Float32Array,
  weights: Float32Array,
  columns: number,
  outputs: number,
  output: number,
  row: number,
  result: Float32Array,
): void {
  const w0 = output * columns;
  const w1 = w0 + columns;
  const w2 = w1 + columns;
  const w3 = w2 + columns;
  const first = row * columns;
  let a0 = 0;
  let a1 = 0;
  let a2 = 0;
  let a3 = 0;
  for (let k = 0; k < columns; k++) {
    const a = input[first + k]!;
    a0 += weights[w0 + k]! * a;
    a1 += weights[w1 + k]! * a;
    a2 += weights[w2 + k]! * a;
    a3 += weights[w3 + k]! * a;
  }
  const target = row * outputs + output;
  result[target] = a0;
  result[target + 1] = a1;
  result[target + 2] = a2;
  result[target + 3] = a3;
}
