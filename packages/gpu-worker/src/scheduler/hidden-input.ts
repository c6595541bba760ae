import { MAX_GIVEN_INPUTS } from './constants.ts';
import { InvalidInputError } from './errors.ts';
import { decodeHidden } from './hidden-payload.ts';
import type { LayerInput } from '@opengateway/core';
import type { StepInput } from './step-input.ts';

export interface HiddenInputInit {
  readonly hiddenSize: number;
  /** Most positions. */
  readonly capacity: number;
}

/** Hidden states of the stage before, computed in pieces of any size. */
export class HiddenInput implements StepInput {
  takenInputs = 0;
  readonly #init: HiddenInputInit;
  /** What is left of each input; the first may have been taken in part. */
  readonly #waiting: Float32Array[] = [];
  #ready = 0;
  #received = 0;

  constructor(init: HiddenInputInit) {
    this.#init = init;
  }

  get ready(): number {
    return this.#ready;
  }

  take(count: number): Float32Array {
    const wanted = count * this.#init.hiddenSize;
    this.#ready -= count;
    if ((this.#waiting[0]?.length ?? 0) >= wanted) return this.#takeFromFirst(wanted);
    const rows = new Float32Array(wanted);
    for (let filled = 0; filled < wanted;) {
      const piece = this.#takeFromFirst(Math.min(wanted - filled, this.#waiting[0]!.length));
      rows.set(piece, filled);
      filled += piece.length;
    }
    return rows;
  }

  give(input: LayerInput): void {
    const { capacity, hiddenSize } = this.#init;
    if (input.type !== 'hidden') throw new InvalidInputError('Only the first stage takes tokens.');
    const { position, count } = input;
    if (position !== this.#received || position + count > capacity) {
      throw new InvalidInputError(
        `Positions ${position} to ${position + count} were given; ${this.#received} of ${capacity} comes next.`,
      );
    }
    if (this.#waiting.length >= MAX_GIVEN_INPUTS) throw new InvalidInputError('Too much was given at once.');
    this.#waiting.push(decodeHidden(input, hiddenSize));
    this.#received += count;
    this.#ready += count;
  }

  chosen(): void {
    // What follows from it comes back as hidden states of its position.
  }

  #takeFromFirst(values: number): Float32Array {
    const first = this.#waiting[0]!;
    if (first.length === values) {
      this.#waiting.shift();
      this.takenInputs++;
      return first;
    }
    this.#waiting[0] = first.subarray(values);
    return first.subarray(0, values);
  }
}
