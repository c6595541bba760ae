import type { SequenceId } from '../engine.ts';
import {
  ContextLengthExceededError,
  InvalidStepError,
  KvCacheFullError,
  SequenceNotFoundError,
  TooManySequencesError,
} from '../errors.ts';
import type { LinearMemory } from './memory.ts';

/** Positions per page; `PAGE` of assembly/kv-cache.ts. */
export const PAGE_POSITIONS = 32;

export interface CachedSequence {
  readonly id: SequenceId;
  /** Address of the u32 page addresses the attention kernel reads. */
  readonly table: number;
  readonly pages: number[];
  /** Positions reserved, and positions filled. */
  readonly maxTokens: number;
  length: number;
}

/**
 * Pages of key/value cache in WASM memory, handed to sequences whole at `open`, so that a sequence never
 * runs out half-way. Memory is taken when first needed and then reused.
 */
export class KvPages {
  readonly #memory: LinearMemory;
  readonly #pageBytes: number;
  readonly #maxPages: number;
  readonly #contextLength: number;
  readonly #sequences = new Map<SequenceId, CachedSequence>();
  readonly #freePages: number[] = [];
  readonly #freeTables: number[] = [];
  readonly #maxSequences: number;
  #reservedPages = 0;
  #nextId = 1;

  constructor(
    memory: LinearMemory,
    init: { bytesPerToken: number; budgetBytes: number; contextLength: number; maxSequences: number },
  ) {
    this.#memory = memory;
    this.#pageBytes = init.bytesPerToken * PAGE_POSITIONS;
    this.#maxPages = Math.floor(init.budgetBytes / this.#pageBytes);
    this.#contextLength = init.contextLength;
    this.#maxSequences = init.maxSequences;
    const tableBytes = Math.ceil(init.contextLength / PAGE_POSITIONS) * 4;
    for (let index = 0; index < init.maxSequences; index++) this.#freeTables.push(memory.allocate(tableBytes));
  }

  get reservedBytes(): number {
    return this.#reservedPages * this.#pageBytes;
  }

  get count(): number {
    return this.#sequences.size;
  }

  open(maxTokens: number): SequenceId {
    if (!Number.isInteger(maxTokens) || maxTokens < 1) {
      throw new InvalidStepError(`A sequence holds one token or more, not ${maxTokens}.`);
    }
    if (maxTokens > this.#contextLength) throw new ContextLengthExceededError(maxTokens, this.#contextLength);
    const wanted = Math.ceil(maxTokens / PAGE_POSITIONS);
    const free = this.#maxPages - this.#reservedPages;
    if (wanted > free) throw new KvCacheFullError(maxTokens, free * PAGE_POSITIONS);
    const table = this.#freeTables.at(-1);
    if (table === undefined) throw new TooManySequencesError(this.#maxSequences);
    // Make pages before anything is handed out: a refused allocation must change nothing.
    while (this.#freePages.length < wanted) {
      this.#freePages.push(this.#memory.allocate(this.#pageBytes));
    }
    this.#freeTables.pop();
    const pages = this.#freePages.splice(this.#freePages.length - wanted);
    new Uint32Array(this.#memory.memory.buffer, table, wanted).set(pages);
    const id = this.#nextId++ as SequenceId;
    this.#sequences.set(id, { id, table, pages, maxTokens, length: 0 });
    this.#reservedPages += wanted;
    return id;
  }

  get(id: SequenceId): CachedSequence {
    const sequence = this.#sequences.get(id);
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

  clear(): void {
    for (const id of this.#sequences.keys()) this.close(id);
  }

  close(id: SequenceId): void {
    const { pages, table } = this.get(id);
    this.#sequences.delete(id);
    this.#freePages.push(...pages);
    this.#freeTables.push(table);
    this.#reservedPages -= pages.length;
  }
}
