/** Chunks below this are gathered in pieces of `GATHERED_BYTES`: a stranger may send single bytes. */
const SMALL_CHUNK_BYTES = 1_024;
const GATHERED_BYTES = 4_096;

/**
 * Bytes in the order they came, taken out in pieces of any size; each byte is copied once at most, those of small
 * chunks twice.
 */
export class ByteQueue {
  readonly #chunks: Uint8Array[] = [];
  /** Where the last chunk lies, if small ones are gathered there. */
  #gathered: Uint8Array | undefined;
  /** Bytes of the first chunk already taken. */
  #offset = 0;
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Chunks held: never more than two per `SMALL_CHUNK_BYTES`. */
  get pieces(): number {
    return this.#chunks.length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#byteLength += chunk.byteLength;
    if (chunk.byteLength < SMALL_CHUNK_BYTES) return this.#gather(chunk);
    this.#gathered = undefined;
    this.#chunks.push(chunk);
  }

  #gather(chunk: Uint8Array): void {
    const used = this.#gathered === undefined ? 0 : (this.#chunks.at(-1)?.byteLength ?? 0);
    if (this.#gathered === undefined || used + chunk.byteLength > GATHERED_BYTES) {
      this.#gathered = new Uint8Array(GATHERED_BYTES);
      this.#gathered.set(chunk);
      this.#chunks.push(this.#gathered.subarray(0, chunk.byteLength));
      return;
    }
    this.#gathered.set(chunk, used);
    this.#chunks[this.#chunks.length - 1] = this.#gathered.subarray(0, used + chunk.byteLength);
  }

  /** The byte at `index`, which must be below `byteLength`. */
  peek(index: number): number {
    let position = index + this.#offset;
    for (const chunk of this.#chunks) {
      if (position < chunk.byteLength) return chunk[position] as number;
      position -= chunk.byteLength;
    }
    throw new RangeError(`No byte ${index} in a queue of ${this.#byteLength}.`);
  }

  /** Removes and returns the first `length` bytes, which must be there. */
  take(length: number): Uint8Array {
    if (length > this.#byteLength) throw new RangeError(`${length} bytes wanted, ${this.#byteLength} queued.`);
    const taken = new Uint8Array(length);
    this.takeInto(taken);
    return taken;
  }

  /** Fills `target` with the first bytes and removes them; undefined, and nothing done, while there are fewer. */
  takeInto(target: Uint8Array): Uint8Array | undefined {
    const length = target.byteLength;
    if (length > this.#byteLength) return undefined;
    let filled = 0;
    while (filled < length) {
      const chunk = this.#chunks[0] as Uint8Array;
      const piece = chunk.subarray(this.#offset, this.#offset + length - filled);
      target.set(piece, filled);
      filled += piece.byteLength;
      this.#offset += piece.byteLength;
      if (this.#offset === chunk.byteLength) {
        this.#chunks.shift();
        this.#offset = 0;
        if (this.#chunks.length === 0) this.#gathered = undefined;
      }
    }
    this.#byteLength -= length;
    return target;
  }
}
