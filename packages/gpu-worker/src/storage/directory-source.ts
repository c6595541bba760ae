import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CHUNK_BYTES, SourceUnavailableError, chunkLength } from '@opengateway/core';
import type { FileHandle } from 'node:fs/promises';
import type { ChunkSource, ManifestFile } from '@opengateway/core';

/** Chunks of the weights files in a local folder (Node only); files stay open until `close`. */
export function createDirectorySource({ path }: { readonly path: string }): ChunkSource {
  const handles = new Map<string, Promise<FileHandle>>();
  const handleOf = (name: string): Promise<FileHandle> => {
    const known = handles.get(name);
    if (known) return known;
    const opened = open(join(path, name)).catch((error: unknown) => {
      handles.delete(name);
      throw error;
    });
    handles.set(name, opened);
    return opened;
  };
  const read = async (name: string, buffer: Uint8Array<ArrayBuffer>, at: number): Promise<number> => {
    try {
      const handle = await handleOf(name);
      return (await handle.read(buffer, 0, buffer.byteLength, at)).bytesRead;
    } catch (cause) {
      throw new SourceUnavailableError(`${name} cannot be read.`, { cause });
    }
  };
  return {
    async readChunk(file: ManifestFile, index, { signal, buffer = new Uint8Array(CHUNK_BYTES) } = {}) {
      const length = chunkLength(file, index);
      const bytesRead = await read(file.name, buffer.subarray(0, length), index * CHUNK_BYTES);
      signal?.throwIfAborted();
      if (bytesRead < length) throw new SourceUnavailableError(`${file.name} is shorter than its manifest says.`);
      return buffer.subarray(0, length);
    },
    async close() {
      const opened = await Promise.allSettled(handles.values());
      handles.clear();
      for (const handle of opened) if (handle.status === 'fulfilled') await handle.value.close();
    },
  };
}
