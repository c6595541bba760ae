/** Rows of `table` `[vocabulary, hiddenSize]` for `tokens`, as `[tokens, hiddenSize]`. */
export function embedding(table: Float32Array, tokens: Int32Array, hiddenSize: number): Float32Array {
  const states = new Float32Array(tokens.length * hiddenSize);
  tokens.forEach((token, row) => {
    states.set(table.subarray(token * hiddenSize, (token + 1) * hiddenSize), row * hiddenSize);
  });
  return states;
}
