import type { LayerRange } from '../ids.ts';
import { chooseRange } from './choose-range.ts';
import type { RangeChoice } from './choose-range.ts';
import { MOVE_GAIN_FACTOR } from './constants.ts';
import { findJoints, layerRates, rateOf } from './swarm.ts';
import type { SwarmMember } from './swarm.ts';

/**
 * The range that a peer should move to; undefined where it should stay.
 *
 * It moves only where that covers a layer which nobody holds, or makes the weakest layer `MOVE_GAIN_FACTOR` times
 * faster, and only where neither a layer nor the chain is lost meanwhile, even if all decide at once: the slowest may
 * go first, of equal ones the last by name.
 */
export function shouldMove(current: SwarmMember, choice: RangeChoice): LayerRange | undefined {
  const { layerCount } = choice;
  const others = choice.swarm.filter(({ peer }) => peer !== current.peer);
  if (!isDispensable(current, others, layerCount)) return undefined;
  const layers = chooseRange({ ...choice, swarm: others });
  if (layers === undefined) return undefined;
  const joints = findJoints(others, layerCount);
  if (!joints.startsAt(layers.start) || !joints.endsAt(layers.end)) return undefined;
  // Fewer layers are computed faster, as far as one can know before.
  const tokensPerSecond = (rateOf(current) * lengthOf(current.layers)) / lengthOf(layers);
  const before = layerRates([...others, current], layerCount);
  const after = layerRates([...others, { ...current, layers, tokensPerSecond }], layerCount);
  return isClearlyBetter(after, before) ? layers : undefined;
}

/**
 * Whether nothing is missed while this peer loads other layers, though all who may decide so at once: everyone takes
 * away, the slowest first, whoever can be spared of those that are left, and so knows whether it is one of them.
 */
function isDispensable(current: SwarmMember, others: readonly SwarmMember[], layerCount: number): boolean {
  const serving = [...others.filter(({ state }) => state === 'serving'), current];
  const chainMatters = findJoints([...others, current], layerCount).chained;
  let left: readonly SwarmMember[] = serving;
  for (const member of serving.toSorted((a, b) => (staysBefore(a, b) ? 1 : -1))) {
    const without = left.filter((other) => other !== member);
    const canGo =
      without.some((other) => isSameRange(other, member)) ||
      (uncoveredIn(layerRates(without, layerCount).slice(member.layers.start, member.layers.end)) === 0 &&
        (!chainMatters || findJoints(without, layerCount).chained));
    if (member === current) return canGo;
    if (canGo) left = without;
  }
  return false;
}

const isSameRange = ({ layers: a }: SwarmMember, { layers: b }: SwarmMember): boolean =>
  a.start === b.start && a.end === b.end;

const staysBefore = (a: SwarmMember, b: SwarmMember): boolean =>
  rateOf(a) === rateOf(b) ? a.peer < b.peer : rateOf(a) > rateOf(b);

function isClearlyBetter(after: readonly number[], before: readonly number[]): boolean {
  const uncovered = uncoveredIn(after) - uncoveredIn(before);
  if (uncovered !== 0) return uncovered < 0;
  const weakest = Math.min(...before);
  return weakest > 0 && Math.min(...after) >= weakest * MOVE_GAIN_FACTOR;
}

const uncoveredIn = (rates: readonly number[]): number => rates.filter((rate) => rate === 0).length;

const lengthOf = ({ start, end }: LayerRange): number => end - start;
