import type { LayerRange, PeerName } from '../ids.ts';
import type { Advert } from '../membership/advert.ts';
import { UNMEASURED_DECODE_TOKENS_PER_SECOND } from '../routing/constants.ts';

/** A peer that holds layers of the model in question. */
export interface SwarmMember {
  readonly peer: PeerName;
  readonly layers: LayerRange;
  /** Of its range; 0 where it has not been measured. */
  readonly tokensPerSecond: number;
  /** Who pauses or leaves does not count; who still loads does, since others must not load the same. */
  readonly state: Advert['state'] | 'loading';
}

export const isCounted = ({ state }: SwarmMember): boolean => state === 'serving' || state === 'loading';

export const rateOf = ({ tokensPerSecond }: SwarmMember): number =>
  tokensPerSecond || UNMEASURED_DECODE_TOKENS_PER_SECOND;

/** Tokens per second that all who count make at each layer together; 0 where nobody holds it. */
export function layerRates(members: readonly SwarmMember[], layerCount: number): number[] {
  const rates = Array.from({ length: layerCount }, () => 0);
  // In one order, or sums would differ by rounding from peer to peer, and they would not choose alike.
  const ordered = members.filter(isCounted).toSorted((a, b) => rateOf(a) - rateOf(b));
  for (const member of ordered) {
    const end = Math.min(member.layers.end, layerCount);
    for (let layer = member.layers.start; layer < end; layer++) rates[layer] = (rates[layer] ?? 0) + rateOf(member);
  }
  return rates;
}

/** Where a new range would join the others without a gap or an overlap in the chain. */
export interface Joints {
  /** Whether a range may start at this layer: a chain leads here from where the covered layers begin. */
  startsAt(boundary: number): boolean;
  /** Whether a range may end before this layer: a chain leads from here to where the covered layers end. */
  endsAt(boundary: number): boolean;
  /** Whether the members make a chain over every stretch of covered layers. */
  readonly chained: boolean;
}

export function findJoints(members: readonly SwarmMember[], layerCount: number): Joints {
  const counted = members.filter(isCounted);
  const rates = layerRates(counted, layerCount);
  const isCovered = (layer: number) => (rates[layer] ?? 0) > 0;
  const fromLeft = Array.from({ length: layerCount + 1 }, (_, at) => !isCovered(at - 1));
  const toRight = Array.from({ length: layerCount + 1 }, (_, at) => !isCovered(at));
  for (const { layers } of counted.toSorted((a, b) => a.layers.start - b.layers.start)) {
    if (fromLeft[layers.start] === true) fromLeft[layers.end] = true;
  }
  for (const { layers } of counted.toSorted((a, b) => b.layers.end - a.layers.end)) {
    if (toRight[layers.end] === true) toRight[layers.start] = true;
  }
  return {
    startsAt: (boundary) => fromLeft[boundary] ?? false,
    endsAt: (boundary) => toRight[boundary] ?? false,
    chained: toRight.every((leads, at) => leads || isCovered(at - 1)),
  };
}
