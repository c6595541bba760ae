import { verifyChunk } from './chunk-hash.ts';
import { DEFAULT_HELD_CHUNKS, DEFAULT_READ_AHEAD_CHUNKS } from './constants.ts';
import { CHUNK_BYTES } from './manifest.ts';
import type { ChunkSource } from './chunk-source.ts';
import type { ManifestFile } from './manifest.ts';

/** A chunk that was read and found good. */
export interface VerifiedChunk {
  readonly file: ManifestFile;
  readonly index: number;
  readonly bytes: number;
}

export interface VerifiedChunksInit {
  /** Chunks kept in memory. @default 8 */
  readonly heldChunks?: number;
  /** Chunks asked for ahead of the reader. @default 3 */
  readonly readAheadChunks?: number;
  /** Which chunks are worth reading ahead. @default all */
  readonly isWanted?: (file: ManifestFile, index: number) => boolean;
  /** Called once for every chunk, when it is first found good. */
  readonly onVerified?: (chunk: VerifiedChunk) => void;
}

interface Slot {
  readonly file: ManifestFile;
  readonly index: number;
  readonly buffer: Uint8Array<ArrayBuffer>;
  bytes: Promise<Uint8Array>;
  settled: boolean;
  /** Asked for ahead of the reader, under the signal of an earlier read. */
  ahead: boolean;
}

/**
 * The last few chunks of a source, each checked before anybody sees it, with those that come next already
 * on their way. Buffers are used again and again: a 1 MiB garbage array for every chunk of a model would
 * double the process while it loads.
 */
export class VerifiedChunks {
  readonly #source: ChunkSource;
  readonly #held: number;
  readonly #readAhead: number;
  readonly #isWanted: (file: ManifestFile, index: number) => boolean;
  readonly #onVerified: ((chunk: VerifiedChunk) => void) | undefined;
  /** Least recently used first. */
  #slots: Slot[] = [];
  readonly #seen = new Map<ManifestFile, Set<number>>();

  constructor(source: ChunkSource, init: VerifiedChunksInit = {}) {
    this.#source = source;
    this.#readAhead = init.readAheadChunks ?? DEFAULT_READ_AHEAD_CHUNKS;
    // One for the reader and one to give up, beside those under way.
    this.#held = Math.max(init.heldChunks ?? DEFAULT_HELD_CHUNKS, this.#readAhead + 2);
    this.#isWanted = init.isWanted ?? (() => true);
    this.#onVerified = init.onVerified;
  }

  /**
   * A chunk's bytes, valid until the next call; one call at a time.
   *
   * @throws ChunkHashMismatchError, and whatever the source throws.
   */
  async get(file: ManifestFile, index: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const slot = this.#find(file, index) ?? this.#start(file, index, false, signal);
    this.#touch(slot);
    this.#startAhead(slot, signal);
    const early = slot.ahead;
    slot.ahead = false;
    try {
      return await slot.bytes;
    } catch (error) {
      signal?.throwIfAborted();
      if (!early) throw error;
      // It failed under another read's signal, or long before it mattered: it gets one try of its own.
      return await this.#start(file, index, false, signal).bytes;
    }
  }

  #startAhead(current: Slot, signal: AbortSignal | undefined): void {
    const { file } = current;
    for (let index = current.index + 1; index <= current.index + this.#readAhead; index++) {
      if (index >= file.chunks.length || !this.#isWanted(file, index)) return;
      if (!this.#find(file, index)) this.#start(file, index, true, signal, current);
    }
  }

  #start(file: ManifestFile, index: number, ahead: boolean, signal: AbortSignal | undefined, keep?: Slot): Slot {
    const buffer = this.#takeBuffer(keep);
    const slot: Slot = { file, index, buffer, ahead, settled: false, bytes: this.#load(file, index, buffer, signal) };
    this.#slots.push(slot);
    void this.#watch(slot);
    return slot;
  }

  async #watch(slot: Slot): Promise<void> {
    try {
      await slot.bytes;
      slot.settled = true;
    } catch {
      // Whoever asks for the chunk is told. Its buffer goes too: a source that failed may still hold it.
      this.#slots = this.#slots.filter((other) => other !== slot);
    }
  }

  async #load(
    file: ManifestFile,
    index: number,
    buffer: Uint8Array<ArrayBuffer>,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const bytes = await this.#source.readChunk(file, index, { buffer, ...(signal ? { signal } : {}) });
    if (this.#source.verified !== true) await verifyChunk(file, index, bytes);
    const seen = this.#seen.get(file) ?? new Set();
    this.#seen.set(file, seen);
    if (!seen.has(index)) {
      seen.add(index);
      this.#onVerified?.({ file, index, bytes: bytes.byteLength });
    }
    return bytes;
  }

  #takeBuffer(keep: Slot | undefined): Uint8Array<ArrayBuffer> {
    if (this.#slots.length >= this.#held) {
      const oldest = this.#slots.find((slot) => slot.settled && slot !== keep);
      if (oldest) {
        this.#slots = this.#slots.filter((slot) => slot !== oldest);
        return oldest.buffer;
      }
    }
    return new Uint8Array(CHUNK_BYTES);
  }

  #find(file: ManifestFile, index: number): Slot | undefined {
    return this.#slots.find((slot) => slot.file === file && slot.index === index);
  }

  #touch(slot: Slot): void {
    this.#slots = [...this.#slots.filter((other) => other !== slot), slot];
  }
}
