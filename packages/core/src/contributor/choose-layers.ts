import { chooseRange } from '../placement/choose-range.ts';
import { createRangeMemory } from '../placement/range-memory.ts';
import { shouldMove } from '../placement/should-move.ts';
import { isWholeModel } from '../ids.ts';
import { ASSUMED_KV_BUDGET_BYTES } from './constants.ts';
import { LayersOutOfRangeError, MemoryTooSmallError } from './errors.ts';
import type { LayerRange, ManifestHash, PeerName } from '../ids.ts';
import type { PeerRegistry } from '../membership/peer-view.ts';
import type { ModelManifest } from '../models/manifest.ts';
import type { RangeChoice } from '../placement/choose-range.ts';
import type { SwarmMember } from '../placement/swarm.ts';
import type { StartContributing } from './types.ts';

/** The range asked for, or the whole model where it fits what is lent; undefined where others must be heard first. */
export function layersWithoutOthers(options: StartContributing, manifest: ModelManifest): LayerRange | undefined {
  const { layerCount } = manifest.architecture;
  const whole = { start: 0, end: layerCount };
  const { layers, memoryBytes } = options;
  if (layers !== undefined) {
    if (layers.end > layerCount) throw new LayersOutOfRangeError(layers, layerCount);
    return layers;
  }
  return memoryBytes === undefined || rangeMemory(options, manifest).fits(whole) ? whole : undefined;
}

/** The part that the swarm lacks most. @throws `memory_too_small` */
export function layersForSwarm(
  options: StartContributing,
  manifest: ModelManifest,
  swarm: readonly SwarmMember[],
): LayerRange {
  const memory = rangeMemory(options, manifest);
  const { layerCount } = manifest.architecture;
  const layers = chooseRange({ layerCount, fits: memory.fits, swarm });
  if (layers !== undefined) return layers;
  const smallest = Math.min(
    ...Array.from({ length: layerCount }, (_, start) => memory.bytesOf({ start, end: start + 1 })),
  );
  const lent = options.memoryBytes ?? 0;
  throw new MemoryTooSmallError(lent, smallest + lent - memory.roomBytes);
}

/** Where a peer that serves a part should move to; undefined where it should stay. */
export function betterLayers(
  current: SwarmMember,
  options: StartContributing,
  manifest: ModelManifest,
  swarm: readonly SwarmMember[],
): LayerRange | undefined {
  const { layerCount } = manifest.architecture;
  if (options.layers !== undefined || isWholeModel(current.layers, layerCount)) return undefined;
  const choice: RangeChoice = { layerCount, fits: rangeMemory(options, manifest).fits, swarm };
  return shouldMove(current, choice);
}

/** Who else holds layers of a model, or is about to. */
export const swarmOf = (registry: PeerRegistry, manifest: ManifestHash, self: PeerName): SwarmMember[] =>
  registry
    .peers()
    .flatMap(({ peer, advert: { state, models } }) =>
      models.flatMap(({ manifest: held, layers: [start, end], decodeTokensPerSecond }) =>
        held !== manifest || peer === self
          ? []
          : [{ peer, layers: { start, end }, tokensPerSecond: decodeTokensPerSecond, state }],
      ),
    );

const rangeMemory = (
  { memoryBytes = Infinity, kvBudgetBytes = ASSUMED_KV_BUDGET_BYTES }: StartContributing,
  manifest: ModelManifest,
) => createRangeMemory(manifest, { memoryBytes, kvBudgetBytes });
