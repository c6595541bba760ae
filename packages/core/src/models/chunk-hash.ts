import { ChunkHashMismatchError } from './errors.ts';
import { CHUNK_BYTES } from './manifest.ts';
import type { ByteSource } from './gguf/byte-source.ts';
import type { ManifestFile } from './manifest.ts';

/** sha256 in lower-case hex. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  // No caller hands in shared memory, which is all that WebCrypto's narrower type excludes.
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  let hex = '';
  for (const byte of new Uint8Array(digest)) hex += byte.toString(16).padStart(2, '0');
  return hex;
}

/** Chunks that hold a file of `bytes` bytes. */
export const chunkCount = (bytes: number): number => Math.ceil(bytes / CHUNK_BYTES);

/** Bytes of chunk `index` of a file; the last may be shorter than `CHUNK_BYTES`. */
export const chunkLength = (file: Pick<ManifestFile, 'bytes'>, index: number): number =>
  Math.max(0, Math.min(CHUNK_BYTES, file.bytes - index * CHUNK_BYTES));

/**
 * Checks a chunk's size and sha256 against its manifest.
 *
 * @throws ChunkHashMismatchError naming file and chunk.
 */
export async function verifyChunk(file: ManifestFile, index: number, bytes: Uint8Array): Promise<void> {
  const whole = bytes.byteLength === chunkLength(file, index);
  if (!whole || (await sha256Hex(bytes)) !== file.chunks[index]) throw new ChunkHashMismatchError(file.name, index);
}

/** The sha256 of every chunk of `source`, in order, as a manifest lists them. */
export async function hashChunks(source: ByteSource, options: { signal?: AbortSignal } = {}): Promise<string[]> {
  const hashes: string[] = [];
  for (let offset = 0; offset < source.bytes; offset += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, source.bytes - offset);
    hashes.push(await sha256Hex(await source.read(offset, length, options)));
  }
  return hashes;
}
