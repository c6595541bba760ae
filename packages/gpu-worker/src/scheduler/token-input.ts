import { InvalidInputError } from './errors.ts';
import type { LayerInput } from '@opengateway/core';
import type { StepInput } from './step-input.ts';

export interface TokenInputInit {
  readonly tokens: readonly number[];
  /** Most positions, those to come included. */
  readonly capacity: number;
  readonly vocabularySize: number;
  /** Whether tokens are chosen by another stage. */
  readonly takesTokens: boolean;
}

/** Tokens: the prompt, and those chosen since, here or at the end of a chain. */
export class TokenInput implements StepInput {
  readonly #init: TokenInputInit;
  readonly #tokens: Int32Array;
  #length: number;
  #position = 0;
  #given = 0;

  constructor(init: TokenInputInit) {
    this.#init = init;
    this.#tokens = new Int32Array(init.capacity);
    this.#tokens.set(init.tokens);
    this.#length = init.tokens.length;
  }

  get ready(): number {
    return this.#length - this.#position;
  }

  take(count: number): Int32Array {
    const start = this.#position;
    this.#position += count;
    return this.#tokens.subarray(start, this.#position);
  }

  get takenInputs(): number {
    return this.#given - Math.min(this.#given, this.ready);
  }

  give(input: LayerInput): void {
    const { takesTokens, vocabularySize, capacity } = this.#init;
    if (!takesTokens) throw new InvalidInputError('The whole model takes nothing from others.');
    if (input.type !== 'token') throw new InvalidInputError('The first stage takes tokens.');
    const { token, position } = input;
    if (position !== this.#length || position >= capacity) {
      throw new InvalidInputError(`Position ${position} was given; ${this.#length} of ${capacity} comes next.`);
    }
    if (!(Number.isInteger(token) && token >= 0 && token < vocabularySize)) {
      throw new InvalidInputError(`Token ${token} is outside the vocabulary of ${vocabularySize}.`);
    }
    this.#given++;
    this.#append(token);
  }

  chosen(token: number): void {
    this.#append(token);
  }

  #append(token: number): void {
    this.#tokens[this.#length++] = token;
  }
}
