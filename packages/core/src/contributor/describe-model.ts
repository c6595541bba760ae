import { servedContext } from './served-context.ts';
import type { LayerRange } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { ModelManifest } from '../models/manifest.ts';
import type { ContributorLoadedModel } from './engine.ts';
import type { RequestCounts } from './request-counter.ts';
import type { StartContributing } from './types.ts';

/** What is announced; changes when layers are chosen and when they are loaded. */
export interface Served {
  /** Empty while they are not chosen. */
  layers: LayerRange;
  loaded: ContributorLoadedModel | null;
  /** How many layers there is room for, where they are yet to be chosen. */
  readonly fits?: number;
}

/** A model's place in an advert, with what is free now. */
export function describeModel(
  { entry, engine }: Pick<StartContributing, 'entry' | 'engine'>,
  { layers, loaded, fits }: Served,
  { architecture }: ModelManifest,
  { running, queued }: RequestCounts,
  share: number,
): ServedModel {
  const slots = loaded?.info.maxSequences ?? 0;
  return {
    id: entry.id,
    manifest: entry.manifest,
    layers: [layers.start, layers.end],
    ...(layers.end === 0 && fits !== undefined ? { fits } : {}),
    engine,
    contextLength: loaded === null ? 0 : servedContext(architecture.contextLength, loaded.info),
    slots,
    freeSlots: queued > 0 ? 0 : Math.max(0, slots - running),
    queued,
    // What coordinators can expect of it, not what it could do.
    decodeTokensPerSecond: (loaded?.decodeTokensPerSecond ?? 0) * share,
    prefillTokensPerSecond: (loaded?.prefillTokensPerSecond ?? 0) * share,
  };
}
