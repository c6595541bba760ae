import type { ModelManifest } from '../models/manifest.ts';
import type { ContributorLoadedModel } from './engine.ts';

/** A model that was loaded and measured here. */
export interface MeasuredModel {
  readonly loaded: ContributorLoadedModel;
  readonly manifest: ModelManifest;
  /** Layers and bytes of weights that were measured. */
  readonly layers: number;
  readonly bytes: number;
}

/**
 * What to expect of a model that never ran here: an estimate, by what another one did. A token takes a pass over the
 * weights, so that rates go by their bytes; a position of the cache goes by layers and heads.
 */
export function estimateLoaded(
  { loaded, manifest: known, layers, bytes: knownBytes }: MeasuredModel,
  { architecture }: ModelManifest,
  bytes: number,
): ContributorLoadedModel {
  const { info, decodeTokensPerSecond, prefillTokensPerSecond } = loaded;
  const scale = bytes > 0 ? knownBytes / bytes : 1;
  const values = architecture.layerCount * architecture.keyValueHeadCount * architecture.headSize;
  const knownValues = layers * known.architecture.keyValueHeadCount * known.architecture.headSize;
  return {
    info: {
      ...info,
      ...(info.kvBytesPerToken === undefined ? {} : { kvBytesPerToken: (info.kvBytesPerToken / knownValues) * values }),
    },
    decodeTokensPerSecond: decodeTokensPerSecond * scale,
    prefillTokensPerSecond: prefillTokensPerSecond * scale,
  };
}
