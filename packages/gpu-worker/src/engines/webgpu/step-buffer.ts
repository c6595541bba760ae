import type { ModelArchitecture } from '@opengateway/core';
import { HEADER_WORDS, LOGIT_ROWS, RECORD, recordWords, TOKEN_COUNT } from './kernels/step-layout.ts';

/**
 * The host's side of kernels/step-layout.ts: one array, filled anew for every forward and written to the GPU
 * in one piece.
 */
export class StepBuffer {
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #floats: Float32Array<ArrayBuffer>;
  readonly #recordWords: number;
  readonly #frequencies: Float64Array;
  #tokens = 0;
  #logitRows = 0;

  constructor({ ropeDimensionCount, ropeBase }: ModelArchitecture, maxTokens: number) {
    this.#recordWords = recordWords(ropeDimensionCount);
    this.#words = new Uint32Array(HEADER_WORDS + maxTokens * this.#recordWords);
    this.#floats = new Float32Array(this.#words.buffer);
    this.#frequencies = Float64Array.from(
      { length: ropeDimensionCount / 2 },
      (_, pair) => ropeBase ** ((-2 * pair) / ropeDimensionCount),
    );
  }

  get byteLength(): number {
    return this.#words.byteLength;
  }

  get tokens(): number {
    return this.#tokens;
  }

  get logitRows(): number {
    return this.#logitRows;
  }

  clear(): void {
    this.#tokens = 0;
    this.#logitRows = 0;
  }

  /** Adds a token; its number in the batch is returned. */
  addToken(tokenId: number, position: number, pageTable: number): number {
    const start = HEADER_WORDS + this.#tokens * this.#recordWords;
    this.#words[start + RECORD.tokenId] = tokenId;
    this.#words[start + RECORD.position] = position;
    this.#words[start + RECORD.pageTable] = pageTable;
    const rotations = start + RECORD.rotations;
    for (let pair = 0; pair < this.#frequencies.length; pair++) {
      const angle = position * this.#frequencies[pair]!;
      this.#floats[rotations + 2 * pair] = Math.cos(angle);
      this.#floats[rotations + 2 * pair + 1] = Math.sin(angle);
    }
    return this.#tokens++;
  }

  /** Asks for the logits of token `token` of the batch, as the next row. There are no more rows than tokens. */
  addLogitRow(token: number): void {
    this.#words[HEADER_WORDS + this.#logitRows++ * this.#recordWords + RECORD.logitToken] = token;
  }

  /** Writes what was added; returns the bytes. */
  write(queue: GPUQueue, buffer: GPUBuffer): number {
    this.#words[TOKEN_COUNT] = this.#tokens;
    this.#words[LOGIT_ROWS] = this.#logitRows;
    const words = HEADER_WORDS + this.#tokens * this.#recordWords;
    queue.writeBuffer(buffer, 0, this.#words, 0, words);
    return words * 4;
  }
}
