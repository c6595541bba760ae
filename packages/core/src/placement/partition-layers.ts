import type { LayerRange, PeerName } from '../ids.ts';

/** A device that takes a share of a model. */
export interface PartitionMember {
  readonly peer: PeerName;
  readonly memoryBytes: number;
  /** Most layers it can hold, wherever they lie. */
  readonly layersThatFit: number;
  readonly tokensPerSecond: number;
}

export interface LayerShare {
  readonly peer: PeerName;
  readonly layers: LayerRange;
}

/**
 * Splits `[0, layerCount)` into contiguous ranges, in the order of the members: shares by memory with the
 * largest remainders rounded up, of equal ones the faster member's, then by name. Each member has at least one
 * layer and at most what fits; where there are more members than layers, those with the least memory have none.
 *
 * @returns undefined where the members cannot hold the model together.
 */
export function partitionLayers(
  layerCount: number,
  members: readonly PartitionMember[],
): readonly LayerShare[] | undefined {
  const able = members
    .filter(({ layersThatFit }) => layersThatFit >= 1)
    .toSorted((a, b) => b.memoryBytes - a.memoryBytes || fasterFirst(a, b))
    .slice(0, layerCount);
  const shares = realShares(layerCount, able);
  if (shares === undefined) return undefined;
  const layersOf = rounded(layerCount, shares);
  let start = 0;
  return members.flatMap((member) => {
    const layers = layersOf.get(member);
    if (layers === undefined) return [];
    const share = { peer: member.peer, layers: { start, end: start + layers } };
    start += layers;
    return [share];
  });
}

const fasterFirst = (a: PartitionMember, b: PartitionMember): number =>
  b.tokensPerSecond - a.tokensPerSecond || (a.peer < b.peer ? -1 : 1);

const mostOf = ({ layersThatFit }: PartitionMember): number => Math.floor(layersThatFit);

/** Shares by memory that are whole layers only by chance, each from one layer to what fits. */
function realShares(
  layerCount: number,
  members: readonly PartitionMember[],
): ReadonlyMap<PartitionMember, number> | undefined {
  if (members.reduce((sum, member) => sum + mostOf(member), 0) < layerCount) return undefined;
  const fixed = new Map<PartitionMember, number>();
  for (;;) {
    const open = members.filter((member) => !fixed.has(member));
    if (open.length === 0) return fixed;
    const left = layerCount - [...fixed.values()].reduce((sum, share) => sum + share, 0);
    const weight = open.reduce((sum, { memoryBytes }) => sum + Math.max(1, memoryBytes), 0);
    const wished = open.map((member) => {
      const wish = (left * Math.max(1, member.memoryBytes)) / weight;
      return { member, wish, share: Math.min(mostOf(member), Math.max(1, wish)) };
    });
    // As CSS resolves flexible lengths: whoever is bound the way that most of them are is settled, the rest anew.
    const excess = wished.reduce((sum, { wish, share }) => sum + share - wish, 0);
    for (const { member, wish, share } of wished) {
      const settled = Math.abs(excess) < ROUNDING || (excess > 0 ? share > wish : share < wish);
      if (settled) fixed.set(member, share);
    }
  }
}

/** Whole layers: shares rounded down, and what is left to the largest remainders. */
function rounded(
  layerCount: number,
  shares: ReadonlyMap<PartitionMember, number>,
): ReadonlyMap<PartitionMember, number> {
  const layers = new Map([...shares].map(([member, share]) => [member, Math.floor(share + ROUNDING)]));
  let left = layerCount - [...layers.values()].reduce((sum, count) => sum + count, 0);
  const byRemainder = [...shares]
    .map(([member, share]) => ({ member, remainder: share - (layers.get(member) ?? 0) }))
    .sort((a, b) => {
      const difference = b.remainder - a.remainder;
      return Math.abs(difference) < ROUNDING ? fasterFirst(a.member, b.member) : difference;
    });
  for (const { member } of byRemainder) {
    const count = layers.get(member) ?? 0;
    if (left === 0 || count >= mostOf(member)) continue;
    layers.set(member, count + 1);
    left -= 1;
  }
  return layers;
}

/** Remainders that differ by less are equal. */
const ROUNDING = 1e-9;
