import { chunkLength, chunksOfRange, manifestHash } from '@opengateway/core';
import type { LayerRange, ManifestFile, ModelManifest } from '@opengateway/core';
import type { WeightsStore } from '../storage/weights-store.ts';

/**
 * Makes the store hold at most `storageBytes` with these layers in it: everything else goes where it does not
 * fit beside them, and everything where they alone are too large.
 *
 * @returns whether the layers may be kept
 */
export async function makeRoom(
  store: WeightsStore,
  manifest: ModelManifest,
  layers: LayerRange,
  storageBytes: number,
): Promise<boolean> {
  if (storageBytes === Number.POSITIVE_INFINITY) return true;
  const chunks = chunksOf(manifest, layers);
  const wantedBytes = chunks.reduce((sum, { file, index }) => sum + chunkLength(file, index), 0);
  const fits = wantedBytes <= storageBytes;
  const others = (await store.storedBytes()) - (fits ? await keptBytes(store, manifest, chunks) : 0);
  if (others + (fits ? wantedBytes : 0) > storageBytes) await store.removeAll();
  return fits;
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
async function keptBytes(store: WeightsStore, manifest: ModelManifest, chunks: readonly FileChunk[]): Promise<number> {
  const hash = await manifestHash(manifest);
  let kept = 0;
  for (const { file, index } of chunks) {
    if (await store.has({ manifest: hash, file }, index)) kept += chunkLength(file, index);
  }
  return kept;
}
