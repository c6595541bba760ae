import { CHUNK_BYTES, ChunkSet, verifyChunk } from '@opengateway/core';
import type { ChunkSource, ManifestFile, ManifestHash, NumberedChunks } from '@opengateway/core';
import type { WeightsStore } from './weights-store.ts';

/** One model's chunks as this device keeps them. */
export interface ChunkKeeper {
  /** What is here, as far as anybody knows who did not read it. */
  kept(): Promise<ChunkSet>;
  /** The chunk, verified, in `buffer`; undefined where it is gone or went bad: then it is forgotten too. */
  read(
    file: ManifestFile,
    index: number,
    buffer?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Absent where nothing can be kept. @throws StorageFullError, StoreBusyError */
  write?(file: ManifestFile, index: number, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Chunks of one model in a store of several. */
export function keepInStore(store: WeightsStore, manifest: ManifestHash, chunks: NumberedChunks): ChunkKeeper {
  return {
    async kept() {
      const kept = new ChunkSet(chunks.count);
      for (let chunk = 0; chunk < chunks.count; chunk++) {
        const { file, index } = chunks.at(chunk);
        if (await store.has({ manifest, file }, index)) kept.add(chunk);
      }
      return kept;
    },
    async read(file, index, buffer = new Uint8Array(CHUNK_BYTES)) {
      const bytes = await store.read({ manifest, file }, index, buffer);
      if (bytes === undefined) return undefined;
      if (await isGood(file, index, bytes)) return bytes as Uint8Array<ArrayBuffer>;
      // The disk went bad or the power was cut: it is fetched anew. A mark that stays is only read in vain once more.
      await store.discard({ manifest, file }, index).catch(() => {});
      return undefined;
    },
    write: (file, index, bytes) => store.write({ manifest, file }, index, bytes),
    close: () => store.close(),
  };
}

/** What a device without room has. */
export const keepNothing = (chunks: NumberedChunks): ChunkKeeper => ({
  kept: async () => new ChunkSet(chunks.count),
  read: async () => undefined,
  close: async () => {},
});

/** Chunks of files that lie in a folder and are read there. */
export const keepInPlace = (source: ChunkSource, chunks: NumberedChunks): ChunkKeeper => ({
  kept: async () =>
    new ChunkSet(
      chunks.count,
      Array.from({ length: chunks.count }, (_, chunk) => chunk),
    ),
  async read(file, index, buffer = new Uint8Array(CHUNK_BYTES)) {
    try {
      const bytes = await source.readChunk(file, index, { buffer });
      return (await isGood(file, index, bytes)) ? (bytes as Uint8Array<ArrayBuffer>) : undefined;
    } catch {
      // Whoever reads for itself is told by the source; a peer just does not get it from here.
      return undefined;
    }
  },
  close: async () => source.close?.(),
});

const isGood = (file: ManifestFile, index: number, bytes: Uint8Array): Promise<boolean> =>
  verifyChunk(file, index, bytes).then(
    () => true,
    () => false,
  );
