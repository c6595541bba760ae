import { CHUNK_BYTES, ChunkSet, verifyChunk } from '@opengateway/core';
import { HELD_PACKAGE_FILES } from './constants.ts';
import { cachePlace } from './package-places.ts';
import type { ManifestFile, ManifestHash, NumberedChunks, TradedFiles } from '@opengateway/core';
import type { ChunkKeeper } from '../../storage/chunk-keeper.ts';
import type { StoredFileKey, WeightsStore } from '../../storage/weights-store.ts';
import type { PackageCache } from './package-cache.ts';
import type { AddressedPackage } from './package-places.ts';

export interface PackageKeeperComponents {
  readonly cache: PackageCache;
  /** Has the chunks of files that are not whole yet. */
  readonly store: WeightsStore;
}

export interface PackageKeeperInit {
  readonly modelPackage: AddressedPackage;
  readonly traded: TradedFiles;
  readonly chunks: NumberedChunks;
}

/** A package's chunks on this device. */
export interface PackageKeeper extends ChunkKeeper {
  write(file: ManifestFile, index: number, bytes: Uint8Array): Promise<void>;
  /** Whether a chunk is here. */
  has(file: ManifestFile, index: number): boolean;
  /** Names of the files that are whole and where the library reads them. */
  readonly wholeFiles: ReadonlySet<string>;
}

/**
 * Keeps a package where the library reads it: chunks wait in the store until their file is whole, which then goes into
 * the library's cache at once, or not at all. What is there from before is verified first, and removed where it is not
 * what is listed.
 */
export async function openPackageKeeper(
  { cache, store }: PackageKeeperComponents,
  { modelPackage, traded, chunks }: PackageKeeperInit,
): Promise<PackageKeeper> {
  const { files, hash } = traded;
  const staged = stageIn(store, hash, chunks);
  const wholeFiles = new Set<string>();
  const kept = new ChunkSet(chunks.count);
  const blobs = new Map<string, Blob>();
  const numberOf = (file: ManifestFile, index: number) => chunks.numberOf(file, index)!;
  const placeOf = (file: ManifestFile) => cachePlace(modelPackage, file);

  /** A file's bytes; of the last few only, as each may be taken up whole. */
  const blobOf = async (file: ManifestFile): Promise<Blob | undefined> => {
    const blob = blobs.get(file.name) ?? (await cache.read(placeOf(file)));
    blobs.delete(file.name);
    if (blob !== undefined) blobs.set(file.name, blob);
    const [oldest] = blobs.keys();
    if (blobs.size > HELD_PACKAGE_FILES && oldest !== undefined) blobs.delete(oldest);
    return blob;
  };
  const readWhole = async (file: ManifestFile, index: number): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    const blob = await blobOf(file);
    if (blob?.size !== file.bytes) return undefined;
    const piece = blob.slice(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
    const bytes = new Uint8Array(await piece.arrayBuffer());
    return verifyChunk(file, index, bytes).then(
      () => bytes,
      () => undefined,
    );
  };
  const isWhole = async (file: ManifestFile): Promise<boolean> => {
    for (const index of file.chunks.keys()) if ((await readWhole(file, index)) === undefined) return false;
    return true;
  };
  const forget = async (file: ManifestFile) => {
    wholeFiles.delete(file.name);
    blobs.delete(file.name);
    for (const index of file.chunks.keys()) kept.delete(numberOf(file, index));
    await cache.remove(placeOf(file));
  };
  /** Hands a file to the library once its last chunk is here. */
  const complete = async (file: ManifestFile) => {
    let index = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (index === file.chunks.length) return controller.close();
        const bytes = await staged.read(file, index);
        if (bytes === undefined) throw new Error(`Chunk ${index} of ${file.name} went bad before its file was whole.`);
        index += 1;
        controller.enqueue(bytes);
      },
    });
    await cache.write(placeOf(file), body, file.bytes);
    wholeFiles.add(file.name);
    for (const done of file.chunks.keys()) await staged.discard(file, done);
    if (wholeFiles.size === files.length) await store.remove(hash);
  };

  for (const file of files) {
    if (await isWhole(file)) wholeFiles.add(file.name);
    else await forget(file);
    blobs.clear();
  }
  for (const file of files) {
    const isThere = wholeFiles.has(file.name);
    for (const index of file.chunks.keys()) {
      if (isThere || (await staged.has(file, index))) kept.add(numberOf(file, index));
    }
    // It was killed between the last chunk and the cache.
    if (!isThere && file.chunks.every((_, index) => kept.has(numberOf(file, index)))) {
      await complete(file).catch(() => forget(file));
    }
  }

  return {
    wholeFiles,
    kept: async () => new ChunkSet(chunks.count, kept),
    has: (file, index) => kept.has(numberOf(file, index)),
    async read(file, index) {
      if (!kept.has(numberOf(file, index))) return undefined;
      if (!wholeFiles.has(file.name)) {
        const bytes = await staged.read(file, index);
        if (bytes === undefined) kept.delete(numberOf(file, index));
        return bytes;
      }
      const bytes = await readWhole(file, index);
      // The browser removed it, or it was altered: the library must not read the rest of it either.
      if (bytes === undefined) await forget(file);
      return bytes;
    },
    async write(file, index, bytes) {
      await staged.write(file, index, bytes);
      kept.add(numberOf(file, index));
      if (file.chunks.every((_, each) => kept.has(numberOf(file, each)))) await complete(file);
    },
    async close() {
      blobs.clear();
      await store.close();
    },
  };
}

/**
 * Chunks of several files as those of one, by their numbers: the last of a file is filled up with zeros. A store that
 * had a place for each of a hundred files would have a hundred open.
 */
function stageIn(store: WeightsStore, manifest: ManifestHash, chunks: NumberedChunks) {
  const key: StoredFileKey = { manifest, file: { name: 'package', bytes: chunks.count * CHUNK_BYTES } };
  const numberOf = (file: ManifestFile, index: number) => chunks.numberOf(file, index)!;
  return {
    has: (file: ManifestFile, index: number) => store.has(key, numberOf(file, index)),
    async read(file: ManifestFile, index: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
      const number = numberOf(file, index);
      const filled = await store.read(key, number);
      const bytes = filled?.slice(0, chunks.at(number).bytes);
      if (bytes === undefined) return undefined;
      try {
        await verifyChunk(file, index, bytes);
        return bytes;
      } catch {
        await store.discard(key, number).catch(() => {});
        return undefined;
      }
    },
    async write(file: ManifestFile, index: number, bytes: Uint8Array): Promise<void> {
      const filled = new Uint8Array(CHUNK_BYTES);
      filled.set(bytes);
      await store.write(key, numberOf(file, index), filled);
    },
    discard: (file: ManifestFile, index: number) => store.discard(key, numberOf(file, index)),
  };
}
