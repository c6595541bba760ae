import { chunkCount, chunkLength, manifestHash } from '@opengateway/core';
import type { ModelManifest } from '@opengateway/core';
import type { WeightsStore } from '../storage/weights-store.ts';

/**
 * Makes the store hold at most `storageBytes` with this model in it: everything else goes where it does not
 * fit beside it, and everything where the model alone is too large.
 *
 * @returns whether the model may be kept
 */
export async function makeRoom(store: WeightsStore, manifest: ModelManifest, storageBytes: number): Promise<boolean> {
  if (storageBytes === Number.POSITIVE_INFINITY) return true;
  const modelBytes = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const fits = modelBytes <= storageBytes;
  const others = (await store.storedBytes()) - (fits ? await keptBytes(store, manifest) : 0);
  if (others + (fits ? modelBytes : 0) > storageBytes) await store.removeAll();
  return fits;
}

/** Bytes of this model that are kept. */
async function keptBytes(store: WeightsStore, manifest: ModelManifest): Promise<number> {
  const hash = await manifestHash(manifest);
  let kept = 0;
  for (const file of manifest.files) {
    const count = chunkCount(file.bytes);
    for (let index = 0; index < count; index++) {
      if (await store.has({ manifest: hash, file }, index)) kept += chunkLength(file, index);
    }
  }
  return kept;
}
