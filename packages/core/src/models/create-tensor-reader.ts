import { CHUNK_BYTES } from './manifest.ts';
import { MAX_KEPT_RANGE_BYTES } from './constants.ts';
import { ReaderBusyError } from './errors.ts';
import { chunksOfRange } from './layer-chunks.ts';
import { VerifiedChunks } from './verified-chunks.ts';
import type { LayerRange } from '../ids.ts';
import type { ChunkSource } from './chunk-source.ts';
import type { ManifestFile, ModelManifest, TensorInfo } from './manifest.ts';
import type { TensorReader } from './tensor-reader.ts';
import type { VerifiedChunk } from './verified-chunks.ts';

export interface TensorReaderComponents {
  readonly manifest: ModelManifest;
  readonly source: ChunkSource;
}

export interface TensorReaderInit {
  /** Layers that will be read: nothing else is read ahead. @default all */
  readonly range?: LayerRange;
  /** Verified chunks kept, in all at most this many MiB. @default 8 */
  readonly heldChunks?: number;
  /** Chunks on their way ahead of the consumer. @default 3 */
  readonly readAheadChunks?: number;
  /** Called once for every chunk, when it is first found good: the progress of a load. */
  readonly onVerified?: (chunk: VerifiedChunk) => void;
}

/**
 * Verified tensors from any source of chunks.
 *
 * A range that lies in one chunk is returned where it lies; one over several chunks is put together in a
 * buffer. Reads of at most a few chunks, in file order, are the cheapest.
 *
 * @example
 * const reader = createTensorReader({ manifest, source: createDirectorySource({ path }) });
 * const rows = await reader.read(tensor, 0, rowBytes * 64);
 */
export function createTensorReader(components: TensorReaderComponents, init: TensorReaderInit = {}): TensorReader {
  return new ChunkedTensorReader(components, init);
}

class ChunkedTensorReader implements TensorReader {
  readonly manifest: ModelManifest;
  readonly #chunks: VerifiedChunks;
  #kept = new Uint8Array(0);
  #busy = false;

  constructor({ manifest, source }: TensorReaderComponents, { range, ...init }: TensorReaderInit) {
    this.manifest = manifest;
    this.#chunks = new VerifiedChunks(source, {
      ...init,
      ...(range ? { isWanted: wantedChunks(manifest, range) } : {}),
    });
  }

  async read(
    tensor: TensorInfo,
    offset: number,
    length: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    const file = this.manifest.files[tensor.file];
    if (!file || offset < 0 || length < 0 || offset + length > tensor.bytes) {
      throw new RangeError(`${tensor.name} has no bytes ${offset} to ${offset + length}.`);
    }
    // A second read would take the first one's bytes away.
    if (this.#busy) throw new ReaderBusyError();
    this.#busy = true;
    try {
      return await this.#readRange(file, tensor.offset + offset, length, options.signal);
    } finally {
      this.#busy = false;
    }
  }

  async #readRange(
    file: ManifestFile,
    start: number,
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const first = Math.floor(start / CHUNK_BYTES);
    const within = start - first * CHUNK_BYTES;
    if (within + length <= CHUNK_BYTES) {
      if (length === 0) return new Uint8Array(0);
      const chunk = await this.#chunks.get(file, first, signal);
      return chunk.subarray(within, within + length);
    }
    const range = this.#rangeBuffer(length);
    for (let done = 0; done < length;) {
      const at = start + done;
      const index = Math.floor(at / CHUNK_BYTES);
      const chunk = await this.#chunks.get(file, index, signal);
      const piece = chunk.subarray(at - index * CHUNK_BYTES, at - index * CHUNK_BYTES + length - done);
      range.set(piece, done);
      done += piece.byteLength;
    }
    return range;
  }

  #rangeBuffer(length: number): Uint8Array {
    if (length > MAX_KEPT_RANGE_BYTES) return new Uint8Array(length);
    if (this.#kept.byteLength < length) this.#kept = new Uint8Array(length);
    return this.#kept.subarray(0, length);
  }
}

function wantedChunks(manifest: ModelManifest, range: LayerRange): (file: ManifestFile, index: number) => boolean {
  const wanted = new Map(
    chunksOfRange(manifest, range).map(({ file, chunks }) => [manifest.files[file], new Set(chunks)]),
  );
  return (file, index) => wanted.get(file)?.has(index) ?? false;
}
