import { MalformedMessageError } from '../wire/errors.ts';

/** A set of chunk numbers below `size`, kept and sent as a bitmap: bit `n % 8` of byte `n / 8` is chunk `n`. */
export class ChunkSet implements Iterable<number> {
  readonly size: number;
  readonly #bits: Uint8Array<ArrayBuffer>;
  #count = 0;

  constructor(size: number, chunks: Iterable<number> = []) {
    this.size = size;
    this.#bits = new Uint8Array(Math.ceil(size / 8));
    for (const chunk of chunks) this.add(chunk);
  }

  /** @throws `malformed_message` for a bitmap of another size, or with bits beyond it. */
  static decode(bits: Uint8Array, size: number): ChunkSet {
    const set = new ChunkSet(size);
    if (bits.byteLength !== set.#bits.byteLength) {
      throw new MalformedMessageError(`A list of ${bits.byteLength * 8} chunks came for a model of ${size}.`);
    }
    const spare = size % 8 === 0 ? 0 : (bits.at(-1) ?? 0) >>> (size % 8);
    if (spare !== 0) throw new MalformedMessageError('The list has chunks that the model does not have.');
    set.#bits.set(bits);
    for (const byte of bits) set.#count += bitsOf(byte);
    return set;
  }

  encode(): Uint8Array<ArrayBuffer> {
    return this.#bits.slice();
  }

  get count(): number {
    return this.#count;
  }

  has(chunk: number): boolean {
    return ((this.#bits[chunk >>> 3] ?? 0) & (1 << (chunk & 7))) !== 0;
  }

  /** Whether it was not there before. @throws RangeError for a number the model does not have. */
  add(chunk: number): boolean {
    if (!(Number.isInteger(chunk) && chunk >= 0 && chunk < this.size)) throw new RangeError(`There is no ${chunk}.`);
    if (this.has(chunk)) return false;
    this.#bits[chunk >>> 3]! |= 1 << (chunk & 7);
    this.#count += 1;
    return true;
  }

  /** Whether it was there before. */
  delete(chunk: number): boolean {
    if (!this.has(chunk)) return false;
    this.#bits[chunk >>> 3]! &= ~(1 << (chunk & 7));
    this.#count -= 1;
    return true;
  }

  /** Ascending. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (let index = 0; index < this.#bits.length; index++) {
      const byte = this.#bits[index]!;
      if (byte === 0) continue;
      for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) yield index * 8 + bit;
    }
  }
}

function bitsOf(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}
