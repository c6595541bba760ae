import { CHUNK_BYTES, chunkLength, chunksOfRange, manifestHash } from '@opengateway/core';
import { StorageTooSmallError } from './errors.ts';
import type { ChunkSource, LayerRange, ManifestFile, ManifestHash, ModelManifest } from '@opengateway/core';
import type { StoredFileKey, WeightsStore } from '../storage/weights-store.ts';
import type { RoomWanted } from './make-room.ts';

/** Why layers cannot be kept beside all that is kept already; undefined where there is room. */
export async function lackOfRoom(
  store: WeightsStore,
  { manifest, hash, layers, storageBytes, freeBytes }: RoomWanted,
): Promise<StorageTooSmallError | undefined> {
  if (storageBytes === Infinity && freeBytes === Infinity) return undefined;
  const models = await store.models();
  const total = models.reduce((sum, { bytes }) => sum + bytes, 0);
  const isBegun = models.some((model) => model.manifest === hash);
  let missingBytes = 0;
  for (const { key, index } of chunksToKeep(manifest, hash, layers)) {
    // Asking for a chunk makes its file's place, for which there may be no room.
    if (!isBegun || !(await store.has(key, index))) missingBytes += chunkLength(key.file, index);
  }
  const roomBytes = Math.min(storageBytes - total, freeBytes);
  return missingBytes > roomBytes ? new StorageTooSmallError(missingBytes, Math.max(0, roomBytes)) : undefined;
}

export interface FetchedToStore {
  readonly manifest: ModelManifest;
  readonly layers: LayerRange;
  readonly store: WeightsStore;
  /** Keeps what it reads. */
  readonly source: ChunkSource;
  /** Why it does not, if so. */
  failure(): unknown;
}

/** Reads every chunk that is not kept yet. @throws why they cannot be kept, what the source throws */
export async function fetchToStore(
  { manifest, layers, store, source, failure }: FetchedToStore,
  {
    signal,
    onProgress,
  }: { readonly signal: AbortSignal; readonly onProgress: (doneBytes: number, totalBytes: number) => void },
): Promise<void> {
  const chunks = [...chunksToKeep(manifest, await manifestHash(manifest), layers)];
  const totalBytes = chunks.reduce((sum, { key, index }) => sum + chunkLength(key.file, index), 0);
  const buffer = new Uint8Array(CHUNK_BYTES);
  let doneBytes = 0;
  for (const { key, index } of chunks) {
    signal.throwIfAborted();
    if (failure() !== undefined) throw failure();
    if (!(await store.has(key, index))) await source.readChunk(key.file, index, { signal, buffer });
    doneBytes += chunkLength(key.file, index);
    // The end is told when the last one was kept.
    if (doneBytes < totalBytes) onProgress(doneBytes, totalBytes);
  }
  if (failure() !== undefined) throw failure();
  onProgress(totalBytes, totalBytes);
}

function* chunksToKeep(
  manifest: ModelManifest,
  hash: ManifestHash,
  layers: LayerRange,
): Generator<{ readonly key: StoredFileKey & { readonly file: ManifestFile }; readonly index: number }> {
  for (const { file: number, chunks } of chunksOfRange(manifest, layers)) {
    const file = manifest.files[number]!;
    for (const index of chunks) yield { key: { manifest: hash, file }, index };
  }
}
