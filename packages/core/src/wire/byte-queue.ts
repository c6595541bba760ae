/** Bytes in the order they came, taken out in pieces of any size; each byte is copied once at most. */
export class ByteQueue {
  readonly #chunks: Uint8Array[] = [];
  /** Bytes of the first chunk already taken. */
  #offset = 0;
  #byteLength = 0;

  get byteLength(): number {
    return this.#byteLength;
  }

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#chunks.push(chunk);
    this.#byteLength += chunk.byteLength;
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
      }
    }
    this.#byteLength -= length;
    return target;
  }
}
