import { KvReservations, type Reservation, type ReservedSequence } from '../kv-reservations.ts';
import type { SequenceId } from '../engine.ts';
import { PAGE_POSITIONS } from './constants.ts';
import type { MutableCounters } from './counters.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { cachePageBytes, type CacheParameters } from './kernels/cache-layout.ts';

export interface KvCacheInit extends CacheParameters {
  readonly layerCount: number;
  readonly budgetBytes: number;
  readonly contextLength: number;
  readonly maxSequences: number;
}

/** An open sequence, and where its page numbers start in the page tables, in words. */
export type GpuSequence = ReservedSequence & { readonly tableStart: number };

/**
 * The paged KV cache in GPU memory: a buffer per layer, all taken at the start, and a row of page numbers
 * per sequence, written when it opens.
 */
export class KvCache {
  readonly layers: readonly GPUBuffer[];
  readonly pageTables: GPUBuffer;
  readonly bytesPerToken: number;
  readonly #device: GPUDevice;
  readonly #reservations: KvReservations<{ tableStart: number }>;
  readonly #counters: MutableCounters;
  readonly #tableWords: number;
  readonly #pageBytes: number;

  constructor(memory: GpuMemory, counters: MutableCounters, init: KvCacheInit) {
    const { layerCount, budgetBytes, contextLength, maxSequences } = init;
    const { device } = memory.gpu;
    const layerPageBytes = cachePageBytes(init);
    this.#device = device;
    this.#counters = counters;
    this.#pageBytes = layerPageBytes * layerCount;
    this.bytesPerToken = this.#pageBytes / PAGE_POSITIONS;
    this.#tableWords = Math.ceil(contextLength / PAGE_POSITIONS);
    const bindable = Math.floor(memory.maxBindingBytes / layerPageBytes);
    // More than every place filled to the end would never be used.
    const usable = maxSequences * this.#tableWords;
    const maxPages = Math.min(Math.floor(budgetBytes / this.#pageBytes), bindable, usable);
    this.#reservations = new KvReservations({
      pagePositions: PAGE_POSITIONS,
      maxPages,
      contextLength,
      maxSequences,
      prepare: (reservation) => this.#writeTable(reservation),
    });
    this.layers = Array.from({ length: layerCount }, (_, layer) =>
      memory.allocate(`kv cache ${layer}`, maxPages * layerPageBytes),
    );
    this.pageTables = memory.allocate('page tables', maxSequences * this.#tableWords * 4);
  }

  get count(): number {
    return this.#reservations.count;
  }

  get reservedBytes(): number {
    return this.#reservations.reservedPages * this.#pageBytes;
  }

  open(maxTokens: number): SequenceId {
    return this.#reservations.open(maxTokens).id;
  }

  get(id: SequenceId): GpuSequence {
    return this.#reservations.get(id);
  }

  truncate(id: SequenceId, length: number): void {
    this.#reservations.truncate(id, length);
  }

  close(id: SequenceId): void {
    this.#reservations.close(id);
  }

  clear(): void {
    this.#reservations.clear();
  }

  #writeTable({ place, pages }: Reservation): { tableStart: number } {
    const tableStart = place * this.#tableWords;
    const table = Uint32Array.from(pages);
    this.#device.queue.writeBuffer(this.pageTables, tableStart * 4, table);
    this.#counters.bufferWrites++;
    this.#counters.bytesWritten += table.byteLength;
    return { tableStart };
  }
}
