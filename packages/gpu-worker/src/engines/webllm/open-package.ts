import { CHUNK_BYTES, ChunkSet, numberFiles, tradedPackage } from '@opengateway/core';
import { StorageFullError } from '../../storage/errors.ts';
import { UnsupportedModelError } from '../errors.ts';
import { openExchangeSource } from '../../worker/exchange-source.ts';
import { DESCRIPTION_FILES } from './constants.ts';
import { openPackageKeeper } from './package-keeper.ts';
import type { ManifestFile, ModelManifest, NumberedChunks, TensorReader, TradedFiles } from '@opengateway/core';
import type { OpenWeightsOptions, OpenedWeights } from '../../worker/weights-platform.ts';
import type { WeightsStore } from '../../storage/weights-store.ts';
import type { PackageCache } from './package-cache.ts';
import type { PackageKeeper } from './package-keeper.ts';
import type { AddressedPackage } from './package-places.ts';

export interface OpenPackageComponents {
  readonly cache: PackageCache;
  readonly store: WeightsStore;
  /** What the browser would still keep, in bytes. @default not known */
  readonly freeBytes?: () => Promise<number | undefined>;
}

export interface PrepareOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/** The reader of a package, which only has it put where the library reads it. */
export interface PackageReader extends TensorReader {
  /**
   * Resolves when the files that describe the package are there, verified, if it lists them.
   *
   * @throws as `prepare`
   */
  prepareDescription(options: PrepareOptions): Promise<void>;
  /**
   * Resolves when all listed files are there, verified.
   *
   * @throws `storage_full`, `source_unavailable`, or the signal's reason
   */
  prepare(options: PrepareOptions): Promise<void>;
}

export const isPackageReader = (reader: TensorReader): reader is PackageReader => 'prepareDescription' in reader;

/** No tensor can be read of a package. */
export const unreadable = (manifest: ModelManifest): TensorReader => ({
  manifest,
  read: async () => {
    throw new UnsupportedModelError('These weights are a package, which only WebLLM can read.');
  },
});

/** Gets a package's files by way of the page, from peers first; undefined where the catalogue does not list them. */
export async function openPackage(
  components: OpenPackageComponents,
  manifest: ModelManifest,
  modelPackage: AddressedPackage,
  { port, storageBytes = Infinity, onFetched }: OpenWeightsOptions & { readonly port: MessagePort },
): Promise<OpenedWeights | undefined> {
  const traded = await tradedPackage(manifest, modelPackage);
  if (traded === undefined) return undefined;
  const chunks = numberFiles(traded);
  const keeper = await openPackageKeeper(components, { modelPackage, traded, chunks });
  let fetchedBytes = 0;
  let failure: unknown = await lackOfRoom(components, { traded, chunks, keeper, storageBytes });
  const every = new ChunkSet(
    chunks.count,
    Array.from({ length: chunks.count }, (_, chunk) => chunk),
  );
  const source = await openExchangeSource(
    { port, chunks, keeper },
    {
      // What cannot be kept is not fetched: the library needs all of it on this device.
      wanted: failure === undefined ? every : new ChunkSet(chunks.count),
      onFetched(bytes) {
        fetchedBytes += bytes;
        onFetched?.();
      },
      onStoreFailure(error) {
        failure = error;
      },
      onLost: () => {},
    },
  );
  const totalBytes = chunks.bytesOf(every);
  const prepare = async (files: readonly ManifestFile[], { signal, onProgress }: PrepareOptions) => {
    const buffer = new Uint8Array(CHUNK_BYTES);
    onProgress?.(0, totalBytes);
    for (const file of files) {
      for (const index of file.chunks.keys()) {
        signal?.throwIfAborted();
        if (failure !== undefined) throw failure;
        if (keeper.has(file, index)) continue;
        await source.readChunk(file, index, signal === undefined ? { buffer } : { signal, buffer });
      }
    }
    if (failure !== undefined) throw failure;
  };
  const reader: PackageReader = {
    ...unreadable(manifest),
    prepareDescription(options) {
      const files = traded.files.filter(({ name }) => DESCRIPTION_FILES.has(name));
      for (const file of files) for (const index of file.chunks.keys()) source.want(file, index);
      return prepare(files, options);
    },
    prepare: (options) => prepare(traded.files, options),
  };
  return {
    reader,
    fetchedBytes: () => fetchedBytes,
    progress: () => source.progress,
    storeFailure: () => failure,
    async fetchAll(options) {
      await reader.prepare(options);
      options.onProgress(totalBytes, totalBytes);
    },
    close: async () => {},
    leave: () => source.close(),
  };
}

/** Why the files cannot be kept; those that are used longest ago do not go for them. */
async function lackOfRoom(
  { cache, store, freeBytes }: OpenPackageComponents,
  {
    traded,
    chunks,
    keeper,
    storageBytes,
  }: {
    readonly traded: TradedFiles;
    readonly chunks: NumberedChunks;
    readonly keeper: PackageKeeper;
    readonly storageBytes: number;
  },
): Promise<StorageFullError | undefined> {
  const kept = await keeper.kept();
  const missing = traded.files.filter(({ name }) => !keeper.wholeFiles.has(name));
  if (missing.length === 0) return undefined;
  const neededBytes = traded.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const hereBytes = chunks.bytesOf(kept);
  // A file is there twice while it goes from the store to the cache.
  const extraBytes = Math.max(...missing.map(({ bytes }) => bytes));
  const free = (await freeBytes?.().catch(() => undefined)) ?? Infinity;
  if (neededBytes - hereBytes + extraBytes > free) {
    const roomBytes = Math.max(0, free + hereBytes - extraBytes);
    return new StorageFullError({ lack: { neededBytes, roomBytes, bound: 'free', isNeededToRun: true } });
  }
  const usedBytes = (await store.storedBytes()) + (await cache.storedBytes());
  if (usedBytes - hereBytes + neededBytes <= storageBytes) return undefined;
  const roomBytes = Math.max(0, storageBytes - usedBytes + hereBytes);
  return new StorageFullError({ lack: { neededBytes, roomBytes, bound: 'lent', isNeededToRun: true } });
}
