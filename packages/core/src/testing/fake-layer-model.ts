import { FAKE_VOCABULARY } from './fake-generator.ts';
import type { LayerRange } from '../ids.ts';
import type { ModelShape } from '../inference/layer-runner.ts';

/** What `FakeLayerRunner` is a part of unless told otherwise. */
export const FAKE_MODEL_SHAPE: ModelShape = { layerCount: 6, hiddenSize: 8, vocabularySize: FAKE_VOCABULARY };

/** Hidden values are integers below this: 16-bit floats hold them exactly. */
const VALUE_LIMIT = 1_024;

/** FNV-1a over 32-bit words. */
const HASH_START = 2_166_136_261;
const hashWord = (hash: number, word: number): number => Math.imul(hash ^ word, 16_777_619) >>> 0;

/** Spreads what the last words left in the high bits. */
const finish = (hash: number): number => Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) >>> 0;

/** The rows that enter layer 0, `[tokens, hiddenSize]`. */
export function fakeEmbedding(tokens: readonly number[], firstPosition: number, hiddenSize: number): Float32Array {
  const rows = new Float32Array(tokens.length * hiddenSize);
  tokens.forEach((token, row) => {
    const hash = hashWord(hashWord(HASH_START, token), firstPosition + row);
    for (let index = 0; index < hiddenSize; index++) {
      rows[row * hiddenSize + index] = finish(hashWord(hash, index)) % VALUE_LIMIT;
    }
  });
  return rows;
}

/** A range of layers for one sequence: every value it gives depends on every value it was ever given, in order. */
export class FakeLayers {
  readonly #range: LayerRange;
  readonly #hiddenSize: number;
  /** What each layer remembers of the positions before, as a KV cache does. */
  readonly #memory: Uint32Array;

  constructor(range: LayerRange, hiddenSize: number) {
    this.#range = range;
    this.#hiddenSize = hiddenSize;
    this.#memory = new Uint32Array(range.end - range.start).fill(HASH_START);
  }

  /** Computes rows `[positions, hiddenSize]` in place. */
  forward(rows: Float32Array, firstPosition: number): void {
    const { start, end } = this.#range;
    for (let offset = 0; offset < rows.length; offset += this.#hiddenSize) {
      const row = rows.subarray(offset, offset + this.#hiddenSize);
      for (let layer = start; layer < end; layer++) {
        let memory = hashWord(this.#memory[layer - start]!, firstPosition + offset / this.#hiddenSize);
        const words = bitsOf(row);
        for (const word of words) memory = hashWord(memory, word);
        this.#memory[layer - start] = memory;
        for (let index = 0; index < row.length; index++) {
          row[index] = finish(hashWord(hashWord(hashWord(memory, layer), index), words[index]!)) % VALUE_LIMIT;
        }
      }
    }
  }
}

/** A hash of all rows a sequence gave so far, row by row. */
export class FakeDigest {
  value = HASH_START;

  add(rows: Float32Array): void {
    for (const word of bitsOf(rows)) this.value = hashWord(this.value, word);
  }
}

/** The floats' own bits: a value that is off by a fraction counts as another. */
const bitsOf = (rows: Float32Array): Uint32Array => new Uint32Array(rows.buffer, rows.byteOffset, rows.length);
