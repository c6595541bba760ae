import { chooseRange } from '../placement/choose-range.ts';
import { partitionLayers } from '../placement/partition-layers.ts';
import { createRangeMemory, layersThatFit } from '../placement/range-memory.ts';
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

/** Who has yet to choose its layers, at the same time as this device. */
export interface Chooser {
  readonly peer: PeerName;
  readonly layersThatFit: number;
  /** As it announces it: all who choose must reckon alike. 0 where nothing ran there yet. */
  readonly tokensPerSecond: number;
}

/** The other peers of a model. */
export interface Swarm {
  readonly members: readonly SwarmMember[];
  readonly choosers: readonly Chooser[];
}

/** How many layers there is room for, wherever they lie. */
export const roomForLayers = (options: StartContributing, manifest: ModelManifest): number =>
  layersThatFit(manifest, pledgeOf(options));

/**
 * The part that the swarm lacks most. Peers that choose at the same time do not choose the same: where nobody
 * holds anything yet they share the model out among them, else each assumes that those before it by name choose
 * first.
 *
 * @throws `memory_too_small`
 */
export function layersForSwarm(
  options: StartContributing,
  manifest: ModelManifest,
  { members, choosers }: Swarm,
  self: PeerName,
): LayerRange {
  const memory = rangeMemory(options, manifest);
  const { layerCount } = manifest.architecture;
  const mine =
    members.length === 0 ? shareOf([...choosers, ownChoice(options, manifest, self)], self, layerCount) : undefined;
  if (mine !== undefined && memory.fits(mine)) return mine;
  const swarm = [...members];
  for (const { peer, layersThatFit: most, tokensPerSecond } of choosers.toSorted(byName)) {
    const layers = chooseRange({ layerCount, fits: ({ start, end }) => end - start <= most, swarm });
    if (peer < self && layers !== undefined) swarm.push({ peer, layers, tokensPerSecond, state: 'loading' });
  }
  const layers = chooseRange({ layerCount, fits: memory.fits, swarm });
  if (layers !== undefined) return layers;
  const smallest = Math.min(
    ...Array.from({ length: layerCount }, (_, start) => memory.bytesOf({ start, end: start + 1 })),
  );
  const lent = options.memoryBytes ?? 0;
  throw new MemoryTooSmallError(lent, smallest + lent - memory.roomBytes);
}

/** This device as others see it: who has yet to choose announces no speed, since nothing ran on it. */
const ownChoice = (options: StartContributing, manifest: ModelManifest, self: PeerName): Chooser => ({
  peer: self,
  layersThatFit: roomForLayers(options, manifest),
  tokensPerSecond: 0,
});

/** One's own share of a model that all choosers can hold together. What fits stands for the memory, which none tells. */
function shareOf(choosers: readonly Chooser[], self: PeerName, layerCount: number): LayerRange | undefined {
  const members = choosers.toSorted(byName).map(({ peer, layersThatFit: most, tokensPerSecond }) => ({
    peer,
    layersThatFit: most,
    memoryBytes: most,
    tokensPerSecond,
  }));
  return partitionLayers(layerCount, members)?.find(({ peer }) => peer === self)?.layers;
}

const byName = (a: Chooser, b: Chooser) => (a.peer < b.peer ? -1 : 1);

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

/** Who else holds layers of a model, is about to, or has yet to choose. */
export function swarmOf(registry: PeerRegistry, manifest: ManifestHash, self: PeerName): Swarm {
  const members: SwarmMember[] = [];
  const choosers: Chooser[] = [];
  for (const { peer, advert } of registry.peers()) {
    for (const { manifest: held, layers, fits, stored, decodeTokensPerSecond: tokensPerSecond } of advert.models) {
      const [start, end] = layers;
      // What lies on disk only is in nobody's chain.
      if (held !== manifest || peer === self || stored === true) continue;
      if (start < end) members.push({ peer, layers: { start, end }, tokensPerSecond, state: advert.state });
      else if (fits !== undefined) choosers.push({ peer, layersThatFit: fits, tokensPerSecond });
    }
  }
  return { members, choosers };
}

const pledgeOf = ({ memoryBytes = Infinity, kvBudgetBytes = ASSUMED_KV_BUDGET_BYTES }: StartContributing) => ({
  memoryBytes,
  kvBudgetBytes,
});

const rangeMemory = (options: StartContributing, manifest: ModelManifest) =>
  createRangeMemory(manifest, pledgeOf(options));
