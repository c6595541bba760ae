import { numberChunks } from './model-chunks.ts';
import type { CatalogEntry } from '../bootstrap.ts';
import type { LayerRange } from '../ids.ts';
import type { ModelManifest } from '../models/manifest.ts';

/** Layers of a model, and what keeping them takes. */
export interface FittingPart {
  readonly layers: LayerRange;
  readonly bytes: number;
}

/** The most layers of a model in a row whose chunks take no more than `roomBytes`; undefined where not even one does. */
export function partThatFits(manifest: ModelManifest, roomBytes: number): FittingPart | undefined {
  const { layerCount } = manifest.architecture;
  const chunks = numberChunks(manifest);
  /** The least of the first, the middle and the last: those at the ends bring the embedding and the head. */
  const leastOf = (length: number): FittingPart =>
    [...new Set([0, Math.floor((layerCount - length) / 2), layerCount - length])]
      .map((start) => ({ start, end: start + length }))
      .map((layers) => ({ layers, bytes: chunks.bytesOf(chunks.ofRange(layers)) }))
      .reduce((least, part) => (part.bytes < least.bytes ? part : least));
  let best: FittingPart | undefined;
  let low = 1;
  let high = layerCount;
  while (low <= high) {
    const length = Math.floor((low + high) / 2);
    const part = leastOf(length);
    if (part.bytes <= roomBytes) {
      best = part;
      low = length + 1;
    } else high = length - 1;
  }
  return best;
}

/** The models that would be kept as a whole in `roomBytes`, the largest first. */
export const modelsThatFit = (catalog: readonly CatalogEntry[], roomBytes: number): readonly CatalogEntry[] =>
  catalog.filter(({ bytes }) => bytes <= roomBytes).toSorted((a, b) => b.bytes - a.bytes);
