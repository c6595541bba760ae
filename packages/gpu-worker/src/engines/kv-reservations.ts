import type { SequenceId } from './engine.ts';
import {
  ContextLengthExceededError,
  InvalidStepError,
  KvCacheFullError,
  SequenceNotFoundError,
  TooManySequencesError,
} from './errors.ts';

/** An open sequence: which pages and which place are its own, wherever an engine keeps them. */
export interface ReservedSequence {
  readonly id: SequenceId;
  /** One of the engine's places for sequences, from 0. */
  readonly place: number;
  readonly pages: readonly number[];
  /** Positions reserved, and positions filled. */
  readonly maxTokens: number;
  length: number;
}

/** A sequence about to be opened. */
export type Reservation = Pick<ReservedSequence, 'place' | 'pages'>;

export interface KvReservationsInit<Own extends object = object> {
  readonly pagePositions: number;
  readonly maxPages: number;
  readonly contextLength: number;
  readonly maxSequences: number;
  /** Makes ready what the engine keeps per sequence. Where it throws, nothing has changed. */
  readonly prepare?: (reservation: Reservation) => Own;
}

/**
 * Who holds which pages of a paged KV cache. Pages are handed to sequences whole at `open`, so that a
 * sequence never runs out half-way. Page numbers start at 0; a new one is given only when no used one is free.
 */
export class KvReservations<Own extends object = object> {
  readonly #init: KvReservationsInit<Own>;
  readonly #sequences = new Map<SequenceId, ReservedSequence & Own>();
  readonly #freePages: number[] = [];
  readonly #freePlaces: number[];
  #madePages = 0;
  #reservedPages = 0;
  #nextId = 1;

  constructor(init: KvReservationsInit<Own>) {
    this.#init = init;
    this.#freePlaces = Array.from({ length: init.maxSequences }, (_, index) => init.maxSequences - 1 - index);
  }

  get reservedPages(): number {
    return this.#reservedPages;
  }

  get count(): number {
    return this.#sequences.size;
  }

  /** @throws InvalidStepError, ContextLengthExceededError, KvCacheFullError, TooManySequencesError, what `prepare` throws */
  open(maxTokens: number): ReservedSequence & Own {
    const { pagePositions, maxPages, contextLength, maxSequences } = this.#init;
    if (!Number.isInteger(maxTokens) || maxTokens < 1) {
      throw new InvalidStepError(`A sequence holds one token or more, not ${maxTokens}.`);
    }
    if (maxTokens > contextLength) throw new ContextLengthExceededError(maxTokens, contextLength);
    const wanted = Math.ceil(maxTokens / pagePositions);
    const free = maxPages - this.#reservedPages;
    if (wanted > free) throw new KvCacheFullError(maxTokens, free * pagePositions);
    const place = this.#freePlaces.at(-1);
    if (place === undefined) throw new TooManySequencesError(maxSequences);
    while (this.#freePages.length < wanted) this.#freePages.push(this.#madePages++);
    const pages = this.#freePages.slice(-wanted);
    const own = this.#init.prepare?.({ place, pages }) as Own;
    this.#freePages.length -= wanted;
    this.#freePlaces.pop();
    const id = this.#nextId++ as SequenceId;
    const sequence = { ...own, id, place, pages, maxTokens, length: 0 };
    this.#sequences.set(id, sequence);
    this.#reservedPages += wanted;
    return sequence;
  }

  /** @throws SequenceNotFoundError */
  get(id: SequenceId): ReservedSequence & Own {
    const sequence = this.#sequences.get(id);
    if (!sequence) throw new SequenceNotFoundError(id);
    return sequence;
  }

  /** @throws SequenceNotFoundError, InvalidStepError */
  truncate(id: SequenceId, length: number): void {
    const sequence = this.get(id);
    if (!Number.isInteger(length) || length < 0 || length > sequence.length) {
      throw new InvalidStepError(`A sequence of ${sequence.length} tokens cannot be cut to ${length}.`);
    }
    sequence.length = length;
  }

  /** @throws SequenceNotFoundError */
  close(id: SequenceId): void {
    const { pages, place } = this.get(id);
    this.#sequences.delete(id);
    this.#freePages.push(...pages);
    this.#freePlaces.push(place);
    this.#reservedPages -= pages.length;
  }

  clear(): void {
    for (const id of this.#sequences.keys()) this.close(id);
  }
}
