import { CHUNK_BYTES } from './manifest.ts';
import { SourceUnavailableError } from './errors.ts';
import { VerifiedChunks } from './verified-chunks.ts';
import type { ByteSource } from './gguf/byte-source.ts';
import type { ChunkSource } from './chunk-source.ts';
import type { ModelManifest } from './manifest.ts';

/**
 * The file with the model's tokenizer as verified bytes, for `readGguf`: only the chunks that are read are
 * fetched.
 *
 * @example
 * const { metadata } = await readGguf(createHeaderSource({ manifest, source }));
 */
export function createHeaderSource(components: {
  readonly manifest: ModelManifest;
  readonly source: ChunkSource;
}): ByteSource {
  const { tokenizer, files } = components.manifest;
  const file = files.find(({ name }) => name === tokenizer.source.file);
  if (!file) throw new SourceUnavailableError(`The manifest has no file ${tokenizer.source.file}.`);
  const headerChunks = Math.ceil(tokenizer.source.bytes / CHUNK_BYTES);
  const chunks = new VerifiedChunks(components.source, { isWanted: (_, index) => index < headerChunks });
  return {
    bytes: file.bytes,
    async read(offset, length, options = {}) {
      if (offset < 0 || length < 0 || offset + length > file.bytes) {
        throw new RangeError(`${file.name} has no bytes ${offset} to ${offset + length}.`);
      }
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const index = Math.floor((offset + done) / CHUNK_BYTES);
        const chunk = await chunks.get(file, index, options.signal);
        const within = offset + done - index * CHUNK_BYTES;
        const piece = chunk.subarray(within, within + length - done);
        bytes.set(piece, done);
        done += piece.byteLength;
      }
      return bytes;
    },
  };
}
