import type { LayerRange } from '../ids.ts';
import { findJoints, layerRates } from './swarm.ts';
import type { Joints, SwarmMember } from './swarm.ts';

export interface RangeChoice {
  readonly layerCount: number;
  /** What this device has room for. */
  fits(range: LayerRange): boolean;
  /** All other peers that hold layers of the model. */
  readonly swarm: readonly SwarmMember[];
}

/**
 * The layers that the swarm lacks most, of those that fit: the whole model where it does, uncovered layers before
 * covered ones, then the thinnest.
 *
 * The rule is Petals' (https://arxiv.org/abs/2312.08361, 3.2): of all windows the one whose layers have the least
 * throughput, compared as sorted lists. Since here ranges only chain where they meet, a window that joins the
 * others at both ends comes before others that are as thin at their thinnest layer.
 *
 * @returns undefined where not even one layer fits.
 */
export function chooseRange({ layerCount, fits, swarm }: RangeChoice): LayerRange | undefined {
  const whole = { start: 0, end: layerCount };
  if (fits(whole)) return whole;
  const rates = layerRates(swarm, layerCount);
  const joints = findJoints(swarm, layerCount);
  let best: Window | undefined;
  for (let start = 0; start < layerCount; start++) {
    for (const range of longestFrom(start, { layerCount, fits, joints })) {
      const window = windowOf(range, rates, joints);
      if (best === undefined || comparing(window, best) < 0) best = window;
    }
  }
  return best?.range;
}

interface Window {
  readonly range: LayerRange;
  /** Throughput of its layers, ascending. */
  readonly rates: readonly number[];
  /** Ends at which it joins nothing. */
  readonly looseEnds: number;
}

/** From one layer the longest range that fits, and the longest that ends where others go on. */
function* longestFrom(
  start: number,
  { layerCount, fits, joints }: Pick<RangeChoice, 'layerCount' | 'fits'> & { joints: Joints },
): Generator<LayerRange> {
  let found = false;
  for (let end = layerCount; end > start; end--) {
    const joined = joints.endsAt(end);
    if ((found && !joined) || !fits({ start, end })) continue;
    yield { start, end };
    if (joined) return;
    found = true;
  }
}

const windowOf = (range: LayerRange, rates: readonly number[], joints: Joints): Window => ({
  range,
  rates: rates.slice(range.start, range.end).sort((a, b) => a - b),
  looseEnds: Number(!joints.startsAt(range.start)) + Number(!joints.endsAt(range.end)),
});

/** Below 0 where the swarm lacks `a` more. */
function comparing(a: Window, b: Window): number {
  const thinnest = (a.rates[0] ?? 0) - (b.rates[0] ?? 0);
  if (thinnest !== 0) return thinnest;
  if (a.looseEnds !== b.looseEnds) return a.looseEnds - b.looseEnds;
  for (const [index, rate] of a.rates.entries()) {
    const other = b.rates[index];
    // As far as both go they are equal: the longer helps more.
    if (other === undefined) return -1;
    if (rate !== other) return rate - other;
  }
  return a.rates.length < b.rates.length ? 1 : a.range.start - b.range.start;
}
