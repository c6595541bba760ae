import { CHUNK_BYTES, chunkCount, chunkLength } from '@opengateway/core';
import type { BlockFile } from './block-file.ts';

/** Marks the last bytes of a file of this layout. */
const MAGIC = 0x31574f47; // "GOW1"
const TRAILER_BYTES = 16;
const USED_AT_OFFSET = 4;
const WHOLE = 1;

/**
 * One weights file as it is stored: the data, where it lies in the original; one byte for each chunk, 1 if
 * it is whole; a trailer of magic (4 bytes), when it was last used (4 bytes, seconds since the epoch; 0: not known)
 * and the data's size (8 bytes), all little-endian.
 *
 * The file has its full size from the start. A chunk's byte is set after its data was written and cleared
 * before it is written again, and a single byte is never half-written: whenever the process dies, what is
 * marked is whole.
 */
export class StoredFile {
  readonly #file: BlockFile;
  readonly #bytes: number;
  readonly #marks: Uint8Array<ArrayBuffer>;

  #usedAtSeconds: number;

  private constructor(file: BlockFile, bytes: number, marks: Uint8Array<ArrayBuffer>, usedAtSeconds = 0) {
    this.#file = file;
    this.#bytes = bytes;
    this.#marks = marks;
    this.#usedAtSeconds = usedAtSeconds;
  }

  /** Takes over what `file` holds, or lays it out anew for `bytes` bytes of data. */
  static async open(file: BlockFile, bytes: number): Promise<StoredFile> {
    const existing = await StoredFile.recognise(file);
    if (existing !== undefined && existing.#bytes === bytes) return existing;
    const marks = new Uint8Array(chunkCount(bytes));
    await file.truncate(bytes + marks.byteLength + TRAILER_BYTES);
    await file.write(marks, bytes);
    // Last: a layout without it is one that was never finished.
    await file.write(trailer(bytes), bytes + marks.byteLength);
    return new StoredFile(file, bytes, marks);
  }

  /** What `file` holds, if it is of this layout. */
  static async recognise(file: BlockFile): Promise<StoredFile | undefined> {
    const size = await file.size();
    const end = new Uint8Array(TRAILER_BYTES);
    if (size < TRAILER_BYTES || (await file.read(end, size - TRAILER_BYTES)) < TRAILER_BYTES) return undefined;
    const view = new DataView(end.buffer);
    const bytes = Number(view.getBigUint64(8, true));
    if (view.getUint32(0, true) !== MAGIC || size !== bytes + chunkCount(bytes) + TRAILER_BYTES) return undefined;
    const marks = new Uint8Array(chunkCount(bytes));
    if ((await file.read(marks, bytes)) !== marks.byteLength) return undefined;
    return new StoredFile(file, bytes, marks, view.getUint32(USED_AT_OFFSET, true));
  }

  /** Bytes of the chunks that are whole. */
  get storedBytes(): number {
    let total = 0;
    for (const [index, mark] of this.#marks.entries()) {
      if (mark === WHOLE) total += chunkLength({ bytes: this.#bytes }, index);
    }
    return total;
  }

  /** When it was last used, milliseconds since the epoch; 0 where that is not known. */
  get usedAtMs(): number {
    return this.#usedAtSeconds * 1_000;
  }

  /** Says that it is used now. */
  async touch(nowMs: number): Promise<void> {
    this.#usedAtSeconds = Math.floor(nowMs / 1_000) >>> 0;
    const seconds = new Uint8Array(4);
    new DataView(seconds.buffer).setUint32(0, this.#usedAtSeconds, true);
    await this.#file.write(seconds, this.#bytes + this.#marks.byteLength + USED_AT_OFFSET);
  }

  has(index: number): boolean {
    return this.#marks[index] === WHOLE;
  }

  async read(index: number, buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
    if (!this.has(index)) return undefined;
    const chunk = buffer.subarray(0, chunkLength({ bytes: this.#bytes }, index));
    const read = await this.#file.read(chunk, index * CHUNK_BYTES);
    return read === chunk.byteLength ? chunk : undefined;
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    if (index >= this.#marks.length || bytes.byteLength !== chunkLength({ bytes: this.#bytes }, index)) {
      throw new RangeError(`Chunk ${index} cannot have ${bytes.byteLength} bytes.`);
    }
    if (this.has(index)) await this.#mark(index, 0);
    await this.#file.write(bytes, index * CHUNK_BYTES);
    await this.#mark(index, WHOLE);
  }

  /** Forgets a chunk: it is not there any more, after a restart neither. */
  async discard(index: number): Promise<void> {
    if (this.has(index)) await this.#mark(index, 0);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #mark(index: number, mark: number): Promise<void> {
    await this.#file.write(new Uint8Array([mark]), this.#bytes + index);
    this.#marks[index] = mark;
  }
}

function trailer(bytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(TRAILER_BYTES));
  view.setUint32(0, MAGIC, true);
  view.setBigUint64(8, BigInt(bytes), true);
  return new Uint8Array(view.buffer);
}
