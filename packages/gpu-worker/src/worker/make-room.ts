import { chunkLength, chunksOfRange, partThatFits } from '@opengateway/core';
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
  const neededBytes = chunks.reduce((sum, { file, index }) => sum + chunkLength(file, index), 0);
  const models = await store.models();
  let total = models.reduce((sum, { bytes }) => sum + bytes, 0);
  let free = wanted.freeBytes;
  let own = models.find((model) => model.manifest === hash)?.bytes ?? 0;
  // Asking for a chunk makes its file's place, for which there may be no room.
  const kept = own === 0 ? 0 : await keptBytes(store, hash, chunks);
  const remove = async (model: ManifestHash, bytes: number) => {
    await store.remove(model);
    total -= bytes;
    free += bytes;
  };
  const refuse = (bound: 'free' | 'lent', roomBytes: number) =>
    new StorageFullError({
      lack: { neededBytes, roomBytes, bound, instead: suggestPart(manifest, layers, roomBytes) },
    });

  const isTooLarge = neededBytes > storageBytes;
  const lacks = () => (isTooLarge ? total > storageBytes : total - kept + neededBytes > storageBytes);
  const others = models.filter((model) => model.manifest !== hash).sort((a, b) => a.usedAtMs - b.usedAtMs);
  if (isTooLarge && own > 0) await remove(hash, own);
  // For what cannot be kept anyway nothing that others need is given up beyond the pledge.
  const couldFit = free + total >= neededBytes;
  for (const { manifest: other, bytes } of others) {
    if (!lacks() && (isTooLarge || !couldFit || neededBytes - kept <= free)) break;
    await remove(other, bytes);
  }
  if (isTooLarge) return refuse('lent', storageBytes);
  if (own > kept && (lacks() || (couldFit && neededBytes - kept > free))) {
    await discardOthers(store, hash, manifest, chunks);
    total -= own - kept;
    free += own - kept;
    own = kept;
  }
  return neededBytes - kept > free ? refuse('free', free + own) : undefined;
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

/** Lets go of what is kept of a model beside these chunks. */
async function discardOthers(
  store: WeightsStore,
  hash: ManifestHash,
  { files }: ModelManifest,
  chunks: readonly FileChunk[],
): Promise<void> {
  const needed = new Map(files.map((file) => [file, new Set<number>()]));
  for (const { file, index } of chunks) needed.get(file)?.add(index);
  for (const [file, indexes] of needed) {
    for (const index of file.chunks.keys()) {
      if (!indexes.has(index)) await store.discard({ manifest: hash, file }, index);
    }
  }
}

function suggestPart(manifest: ModelManifest, { start, end }: LayerRange, roomBytes: number): string | undefined {
  const part = partThatFits(manifest, roomBytes);
  if (part === undefined || part.layers.end - part.layers.start >= end - start) return undefined;
  const { layers, bytes } = part;
  const { layerCount } = manifest.architecture;
  const first = layers.start;
  const last = layers.end - 1;
  const which = first === last ? `Layer ${first}` : `Layers ${first} to ${last}`;
  return `${which} of ${layerCount} would fit, with ${Math.ceil(bytes / 1e6)} MB.`;
}
