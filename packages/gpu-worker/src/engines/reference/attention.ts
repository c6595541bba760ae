export interface AttentionOptions {
  readonly queryHeadCount: number;
  /** Divides `queryHeadCount`; query head h reads key/value head `floor(h · keyValueHeadCount / queryHeadCount)`. */
  readonly keyValueHeadCount: number;
  readonly headSize: number;
  /** Position of the first query; the others follow it. */
  readonly firstPosition: number;
}

/**
 * Causal grouped-query attention of consecutive positions of one sequence.
 *
 * `queries` is `[positions, queryHeadCount, headSize]`, `keys` and `values` are
 * `[at least firstPosition + positions, keyValueHeadCount, headSize]`. Each position reads itself and what
 * precedes it, summed in ascending order. Result shaped as `queries`.
 */
export function attention(
  queries: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  options: AttentionOptions,
): Float32Array {
  const { queryHeadCount, keyValueHeadCount, headSize, firstPosition } = options;
  const rowSize = queryHeadCount * headSize;
  const cacheRowSize = keyValueHeadCount * headSize;
  const rows = queries.length / rowSize;
  const scale = 1 / Math.sqrt(headSize);
  const scores = new Float64Array(firstPosition + rows);
  const mixed = new Float64Array(headSize);
  const output = new Float32Array(queries.length);
  for (let row = 0; row < rows; row++) {
    const visible = firstPosition + row + 1;
    for (let head = 0; head < queryHeadCount; head++) {
      const query = row * rowSize + head * headSize;
      const cache = Math.floor((head * keyValueHeadCount) / queryHeadCount) * headSize;
      let highest = -Infinity;
      for (let position = 0; position < visible; position++) {
        const key = position * cacheRowSize + cache;
        let score = 0;
        for (let i = 0; i < headSize; i++) score += queries[query + i]! * keys[key + i]!;
        scores[position] = score * scale;
        highest = Math.max(highest, score * scale);
      }
      let total = 0;
      mixed.fill(0);
      for (let position = 0; position < visible; position++) {
        const weight = Math.exp(scores[position]! - highest);
        const value = position * cacheRowSize + cache;
        total += weight;
        for (let i = 0; i < headSize; i++) mixed[i]! += weight * values[value + i]!;
      }
      for (let i = 0; i < headSize; i++) output[query + i] = mixed[i]! / total;
    }
  }
  return output;
}
