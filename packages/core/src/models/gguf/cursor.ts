import { FIRST_GGUF_PIECE_BYTES, LARGEST_GGUF_PIECE_BYTES, MAX_GGUF_HEADER_BYTES } from '../constants.ts';
import { InvalidGgufError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';

/**
 * Reads a header front to back through a window that moves over the source.
 *
 * Take what `holds` says is there; otherwise `await fill` first. Kept apart, so that a vocabulary of
 * 50,000 strings does not cost 50,000 promises.
 */
export class GgufCursor {
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;
  /** The header ends before this offset or is refused. */
  readonly #limit: number;
  /** `ignoreBOM` keeps U+FEFF, which is a token of real vocabularies. */
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #window = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  /** Source offset of the window's first byte. */
  #base = 0;
  #position = 0;
  #pieceBytes = FIRST_GGUF_PIECE_BYTES;

  constructor(source: ByteSource, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
    this.#limit = Math.min(source.bytes, MAX_GGUF_HEADER_BYTES);
  }

  /** Offset in the source. */
  get offset(): number {
    return this.#base + this.#position;
  }

  /** Header bytes that may still follow: no count in the header can be honest beyond it. */
  get remaining(): number {
    return this.#limit - this.offset;
  }

  holds(length: number): boolean {
    return this.#position + length <= this.#window.byteLength;
  }

  /** Moves the window so that it holds `length` bytes from here on. */
  async fill(length: number): Promise<void> {
    if (length > this.remaining) {
      throw new InvalidGgufError(
        this.#limit < this.#source.bytes
          ? `The header is longer than ${MAX_GGUF_HEADER_BYTES} bytes.`
          : `The header ends at byte ${this.#limit}, before it is complete.`,
      );
    }
    const rest = this.#window.subarray(this.#position);
    const start = this.offset + rest.byteLength;
    const wanted = Math.min(Math.max(length - rest.byteLength, this.#pieceBytes), this.#limit - start);
    this.#pieceBytes = Math.min(this.#pieceBytes * 2, LARGEST_GGUF_PIECE_BYTES);
    const piece = await this.#source.read(start, wanted, this.#signal ? { signal: this.#signal } : undefined);
    this.#signal?.throwIfAborted();
    if (piece.byteLength !== wanted) throw new InvalidGgufError(`The file ends at byte ${start + piece.byteLength}.`);
    const window = new Uint8Array(rest.byteLength + wanted);
    window.set(rest);
    window.set(piece, rest.byteLength);
    this.#base = this.offset;
    this.#position = 0;
    this.#window = window;
    this.#view = new DataView(window.buffer);
  }

  /** The view and the offset in it of `length` bytes that `holds` has promised; moves past them. */
  take(length: number): { readonly view: DataView; readonly at: number } {
    const at = this.#position;
    this.#position += length;
    return { view: this.#view, at };
  }

  takeText(length: number): string {
    const bytes = this.#window.subarray(this.#position, this.#position + length);
    this.#position += length;
    try {
      return this.#text.decode(bytes);
    } catch (cause) {
      throw new InvalidGgufError(`The text at byte ${this.offset - length} is not UTF-8.`, { cause });
    }
  }

  async uint32(): Promise<number> {
    if (!this.holds(4)) await this.fill(4);
    const { view, at } = this.take(4);
    return view.getUint32(at, true);
  }

  /** An unsigned 64-bit count of `what`, refused above `maximum`. */
  async count(what: string, maximum: number): Promise<number> {
    if (!this.holds(8)) await this.fill(8);
    return this.takeCount(what, maximum);
  }

  takeCount(what: string, maximum: number): number {
    const { view, at } = this.take(8);
    // Two halves rather than a bigint: vocabularies have 100,000 lengths. Rounding above 2^53 is harmless,
    // since `maximum` is a safe integer.
    const value = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
    if (value > maximum) throw new InvalidGgufError(`${what} is ${value}; at most ${maximum} is accepted.`);
    return value;
  }

  /** A length-prefixed text of at most `maximum` bytes. */
  async string(what: string, maximum: number): Promise<string> {
    if (!this.holds(8)) await this.fill(8);
    const length = this.takeCount(`The length of ${what}`, maximum);
    if (!this.holds(length)) await this.fill(length);
    return this.takeText(length);
  }
}
