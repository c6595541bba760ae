import { chunkLength, chunksOfRange } from '@opengateway/core';
import { StorageFullError } from '../storage/errors.ts';
import type { LayerRange, ManifestFile, ManifestHash, ModelManifest } from '@opengateway/core';
import type { WeightsStore } from '../storage/weights-store.ts';

export interface RoomWanted {
  readonly manifest: ModelManifest;
  readonly hash: ManifestHash;
  readonly layers: LayerRange;
  /** Most that may be kept, of all models. */
  readonly storageBytes: number;
  /** What the browser or the disk would still take. */
  readonly freeBytes: number;
}

/**
 * Makes the store hold at most `storageBytes`, and leave the device enough, with these layers in it: the models that
 * were used longest ago go first, then what is kept of this one beside these layers.
 *
 * @returns why the layers may not be kept, if so: they alone are too large
 */
export async function makeRoom(store: WeightsStore, wanted: RoomWanted): Promise<StorageFullError | undefined> {
  const { manifest, hash, layers, storageBytes } = wanted;
  if (storageBytes === Infinity && wanted.freeBytes === Infinity) return undefined;
  const chunks = chunksOf(manifest, layers);
  const wantedBytes = chunks.reduce((sum, { file, index }) => sum + chunkLength(file, index), 0);
  const models = await store.models();
  let total = models.reduce((sum, { bytes }) => sum + bytes, 0);
  let free = wanted.freeBytes;
  const own = models.find((model) => model.manifest === hash)?.bytes ?? 0;
  // Asking for a chunk lays its file out, for which there may be no room.
  let kept = own === 0 ? 0 : await keptBytes(store, hash, chunks);
  const remove = async (model: ManifestHash, bytes: number) => {
    await store.remove(model);
    total -= bytes;
    free += bytes;
  };

  const isTooLarge = wantedBytes > storageBytes;
  const lacks = () => (isTooLarge ? total > storageBytes : total - kept + wantedBytes > storageBytes);
  const others = models.filter((model) => model.manifest !== hash).sort((a, b) => a.usedAtMs - b.usedAtMs);
  if (isTooLarge && own > 0) await remove(hash, own);
  // For what cannot be kept anyway nothing that others need is given up beyond the pledge.
  const couldFit = free + total - own >= wantedBytes - kept;
  for (const { manifest: other, bytes } of others) {
    if (!lacks() && (isTooLarge || !couldFit || wantedBytes - kept <= free)) break;
    await remove(other, bytes);
  }
  if (isTooLarge) return new StorageFullError();
  if (lacks() && own > 0) {
    await remove(hash, own);
    kept = 0;
  }
  return wantedBytes - kept > free ? new StorageFullError() : undefined;
}

interface FileChunk {
  readonly file: ManifestFile;
  readonly index: number;
}

const chunksOf = (manifest: ModelManifest, layers: LayerRange): FileChunk[] =>
  chunksOfRange(manifest, layers).flatMap(({ file, chunks }) =>
    chunks.map((index) => ({ file: manifest.files[file]!, index })),
  );

/** Bytes of these chunks that are kept. */
async function keptBytes(store: WeightsStore, manifest: ManifestHash, chunks: readonly FileChunk[]): Promise<number> {
  let kept = 0;
  for (const { file, index } of chunks) {
    if (await store.has({ manifest, file }, index)) kept += chunkLength(file, index);
  }
  return kept;
}
