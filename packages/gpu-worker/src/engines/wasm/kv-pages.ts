import type { SequenceId } from '../engine.ts';
import { KvReservations, type Reservation, type ReservedSequence } from '../kv-reservations.ts';
import type { LinearMemory } from './memory.ts';

/** Positions per page; `PAGE` of assembly/kv-cache.ts. */
export const PAGE_POSITIONS = 32;

interface PageAddresses {
  /** Address of the u32 page addresses the attention kernel reads. */
  readonly table: number;
  readonly addresses: readonly number[];
}

export type CachedSequence = ReservedSequence & PageAddresses;

/**
 * Pages of key/value cache in WASM memory, handed to sequences whole at `open`. Memory is taken when first
 * needed and then reused.
 */
export class KvPages {
  readonly #memory: LinearMemory;
  readonly #pageBytes: number;
  readonly #reservations: KvReservations<PageAddresses>;
  /** Addresses, by page and by place. */
  readonly #pages: number[] = [];
  readonly #tables: readonly number[];

  constructor(
    memory: LinearMemory,
    init: { bytesPerToken: number; budgetBytes: number; contextLength: number; maxSequences: number },
  ) {
    const { contextLength, maxSequences } = init;
    this.#memory = memory;
    this.#pageBytes = init.bytesPerToken * PAGE_POSITIONS;
    this.#reservations = new KvReservations({
      pagePositions: PAGE_POSITIONS,
      maxPages: Math.floor(init.budgetBytes / this.#pageBytes),
      contextLength,
      maxSequences,
      prepare: (reservation) => this.#prepare(reservation),
    });
    const tableBytes = Math.ceil(contextLength / PAGE_POSITIONS) * 4;
    this.#tables = Array.from({ length: maxSequences }, () => memory.allocate(tableBytes));
  }

  get reservedBytes(): number {
    return this.#reservations.reservedPages * this.#pageBytes;
  }

  get count(): number {
    return this.#reservations.count;
  }

  open(maxTokens: number): SequenceId {
    return this.#reservations.open(maxTokens).id;
  }

  get(id: SequenceId): CachedSequence {
    return this.#reservations.get(id);
  }

  truncate(id: SequenceId, length: number): void {
    this.#reservations.truncate(id, length);
  }

  clear(): void {
    this.#reservations.clear();
  }

  close(id: SequenceId): void {
    this.#reservations.close(id);
  }

  #prepare({ place, pages }: Reservation): PageAddresses {
    const needed = Math.max(...pages) + 1;
    while (this.#pages.length < needed) this.#pages.push(this.#memory.allocate(this.#pageBytes));
    const table = this.#tables[place]!;
    const addresses = pages.map((page) => this.#pages[page]!);
    new Uint32Array(this.#memory.memory.buffer, table, addresses.length).set(addresses);
    return { table, addresses };
  }
}
