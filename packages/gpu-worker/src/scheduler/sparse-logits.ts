import type { TopLogits } from '../engines/engine.ts';

/** A row of logits of which only the highest are known: the others are `-Infinity`. One row, used again and again. */
export class SparseLogits {
  readonly #row: Float32Array;
  #tokens = new Int32Array(0);

  constructor(vocabularySize: number) {
    this.#row = new Float32Array(vocabularySize).fill(Number.NEGATIVE_INFINITY);
  }

  /** The row, valid until the next call. */
  expand({ tokens, logits }: TopLogits): Float32Array {
    for (const token of this.#tokens) this.#row[token] = Number.NEGATIVE_INFINITY;
    for (let index = 0; index < tokens.length; index++) this.#row[tokens[index]!] = logits[index]!;
    this.#tokens = tokens.slice();
    return this.#row;
  }
}
