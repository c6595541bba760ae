import { chunkCount, chunkLength } from '@opengateway/core';
import type { BlockFile, ChunkFiles } from './block-file.ts';

/** Marks the first bytes of a file of this layout. */
const MAGIC = 0x32574f47; // "GOW2"
const HEADER_BYTES = 16;
const USED_AT_OFFSET = 4;
const WHOLE = 1;

/**
 * One weights file as it is stored: each chunk that is there in a file of its own, so that part of a model takes part
 * of its room; and the marks: magic (4 bytes), when it was last used (4 bytes, seconds since the epoch; 0: not
 * known), the whole file's size (8 bytes), all little-endian, then one byte for each chunk, 1 if it is whole.
 *
 * A chunk's byte is set after its file was written and cleared before that is written again, and a single byte is
 * never half-written: whenever the process dies, what is marked is whole.
 */
export class StoredFile {
  readonly #files: ChunkFiles;
  readonly #bytes: number;
  readonly #marks: Uint8Array<ArrayBuffer>;
  #usedAtSeconds: number;

  private constructor(files: ChunkFiles, { bytes, marks, usedAtSeconds }: Marks) {
    this.#files = files;
    this.#bytes = bytes;
    this.#marks = marks;
    this.#usedAtSeconds = usedAtSeconds;
  }

  /** Takes over what is there, or lays it out anew for a file of `bytes` bytes. */
  static async open(files: ChunkFiles, bytes: number): Promise<StoredFile> {
    const existing = await readMarks(files.marks);
    if (existing !== undefined && existing.bytes === bytes) return new StoredFile(files, existing);
    const marks = new Uint8Array(chunkCount(bytes));
    await files.marks.truncate(0);
    await files.marks.truncate(HEADER_BYTES + marks.byteLength);
    // Last: a layout without it is one that was never finished.
    await files.marks.write(header(bytes), 0);
    return new StoredFile(files, { bytes, marks, usedAtSeconds: 0 });
  }

  /** What is there, if it is of this layout. */
  static async recognise(files: ChunkFiles): Promise<StoredFile | undefined> {
    const existing = await readMarks(files.marks);
    return existing && new StoredFile(files, existing);
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
    await this.#files.marks.write(seconds, USED_AT_OFFSET);
  }

  has(index: number): boolean {
    return this.#marks[index] === WHOLE;
  }

  /** The chunk; undefined, and forgotten, where its file was removed or cut short behind the store's back. */
  async read(index: number, buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
    if (!this.has(index)) return undefined;
    const chunk = buffer.subarray(0, chunkLength({ bytes: this.#bytes }, index));
    if ((await this.#files.read(index, chunk)) === chunk.byteLength) return chunk;
    await this.#mark(index, 0);
    return undefined;
  }

  async write(index: number, bytes: Uint8Array): Promise<void> {
    if (index >= this.#marks.length || bytes.byteLength !== chunkLength({ bytes: this.#bytes }, index)) {
      throw new RangeError(`Chunk ${index} cannot have ${bytes.byteLength} bytes.`);
    }
    if (this.has(index)) await this.#mark(index, 0);
    try {
      await this.#files.write(index, bytes);
    } catch (error) {
      // Half a chunk is worth nothing; where even that fails, the failure before is the one to tell.
      await this.#files.remove(index).catch(() => {});
      throw error;
    }
    await this.#mark(index, WHOLE);
  }

  /** Forgets a chunk and frees its room: it is not there any more, after a restart neither. */
  async discard(index: number): Promise<void> {
    if (!this.has(index)) return;
    await this.#mark(index, 0);
    await this.#files.remove(index);
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  async #mark(index: number, mark: number): Promise<void> {
    await this.#files.marks.write(new Uint8Array([mark]), HEADER_BYTES + index);
    this.#marks[index] = mark;
  }
}

interface Marks {
  readonly bytes: number;
  readonly marks: Uint8Array<ArrayBuffer>;
  readonly usedAtSeconds: number;
}

async function readMarks(file: BlockFile): Promise<Marks | undefined> {
  const size = await file.size();
  const start = new Uint8Array(HEADER_BYTES);
  if (size < HEADER_BYTES || (await file.read(start, 0)) < HEADER_BYTES) return undefined;
  const view = new DataView(start.buffer);
  const bytes = Number(view.getBigUint64(8, true));
  if (view.getUint32(0, true) !== MAGIC || size !== HEADER_BYTES + chunkCount(bytes)) return undefined;
  const marks = new Uint8Array(chunkCount(bytes));
  if ((await file.read(marks, HEADER_BYTES)) !== marks.byteLength) return undefined;
  return { bytes, marks, usedAtSeconds: view.getUint32(USED_AT_OFFSET, true) };
}

function header(bytes: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  view.setUint32(0, MAGIC, true);
  view.setBigUint64(8, BigInt(bytes), true);
  return new Uint8Array(view.buffer);
}
