export interface RopeOptions {
  readonly headCount: number;
  readonly headSize: number;
  /** Leading dimensions of each head that turn; the rest pass through. */
  readonly dimensionCount: number;
  readonly base: number;
  /** `interleaved`: pairs (0,1),(2,3)…; `halves`: pairs (i, i + n/2). */
  readonly layout: 'interleaved' | 'halves';
}

/**
 * Rotary position embedding of `values` `[positions, headCount, headSize]`: pair i of a head turns by
 * `position · base^(-2i/dimensionCount)` (arXiv:2104.09864).
 */
export function rope(values: Float32Array, positions: ArrayLike<number>, options: RopeOptions): Float32Array {
  const { headCount, headSize, dimensionCount, base, layout } = options;
  const pairs = dimensionCount / 2;
  const output = values.slice();
  for (let row = 0; row < positions.length; row++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = positions[row]! * base ** ((-2 * pair) / dimensionCount);
      const cosine = Math.cos(angle);
      const sine = Math.sin(angle);
      const [left, right] = layout === 'interleaved' ? [2 * pair, 2 * pair + 1] : [pair, pair + pairs];
      for (let head = 0; head < headCount; head++) {
        const start = (row * headCount + head) * headSize;
        const x = values[start + left]!;
        const y = values[start + right]!;
        output[start + left] = x * cosine - y * sine;
        output[start + right] = x * sine + y * cosine;
      }
    }
  }
  return output;
}
