import {
  ContextLengthExceededError,
  InvalidStepError,
  KvCacheFullError,
  SequenceNotFoundError,
  TooManySequencesError,
} from '../errors.ts';
import type { EngineUsage, SequenceId } from '../engine.ts';

/** One layer's cache of one sequence: `[maxTokens, keyValueHeadCount, headSize]`. */
export interface LayerCache {
  readonly keys: Float32Array;
  readonly values: Float32Array;
}

export interface Sequence {
  readonly maxTokens: number;
  readonly layers: readonly LayerCache[];
  length: number;
}

export interface SequencesInit {
  readonly layerCount: number;
  /** Floats of one position's keys in one layer. */
  readonly rowSize: number;
  readonly contextLength: number;
  readonly kvBudgetBytes: number;
  readonly maxSequences: number;
}

/** The open sequences of an engine and their cache, reserved whole when a sequence opens. */
export class Sequences {
  readonly bytesPerToken: number;
  readonly #init: SequencesInit;
  readonly #open = new Map<SequenceId, Sequence>();
  #nextId = 1;

  constructor(init: SequencesInit) {
    this.#init = init;
    this.bytesPerToken = init.layerCount * init.rowSize * 2 * Float32Array.BYTES_PER_ELEMENT;
  }

  open(maxTokens: number): SequenceId {
    const { contextLength, maxSequences, kvBudgetBytes, layerCount, rowSize } = this.#init;
    if (!Number.isInteger(maxTokens) || maxTokens < 1) {
      throw new InvalidStepError(`A sequence holds one token or more, not ${maxTokens}.`);
    }
    if (maxTokens > contextLength) throw new ContextLengthExceededError(maxTokens, contextLength);
    if (this.#open.size >= maxSequences) throw new TooManySequencesError(maxSequences);
    const freeTokens = Math.floor((kvBudgetBytes - this.usage().kvReservedBytes) / this.bytesPerToken);
    if (maxTokens > freeTokens) throw new KvCacheFullError(maxTokens, freeTokens);
    const layers = Array.from({ length: layerCount }, () => ({
      keys: new Float32Array(maxTokens * rowSize),
      values: new Float32Array(maxTokens * rowSize),
    }));
    // Ids are never used again: a handle kept past its close must not reach another's sequence.
    const id = this.#nextId++ as SequenceId;
    this.#open.set(id, { maxTokens, layers, length: 0 });
    return id;
  }

  get(id: SequenceId): Sequence {
    const sequence = this.#open.get(id);
    if (!sequence) throw new SequenceNotFoundError(id);
    return sequence;
  }

  truncate(id: SequenceId, length: number): void {
    const sequence = this.get(id);
    if (!Number.isInteger(length) || length < 0 || length > sequence.length) {
      throw new InvalidStepError(`A sequence of ${sequence.length} tokens cannot be cut to ${length}.`);
    }
    sequence.length = length;
  }

  close(id: SequenceId): void {
    this.get(id);
    this.#open.delete(id);
  }

  clear(): void {
    this.#open.clear();
  }

  usage(): EngineUsage {
    let tokens = 0;
    for (const { maxTokens } of this.#open.values()) tokens += maxTokens;
    return { sequences: this.#open.size, kvReservedBytes: tokens * this.bytesPerToken };
  }
}
