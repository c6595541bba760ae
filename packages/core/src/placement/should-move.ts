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
 * faster, and only where neither a layer nor the chain is lost meanwhile. Of the peers that share a layer the
 * fastest stays, of equal ones the first by name: if all decide at once, every layer still has a holder.
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

/** Whether nothing is missed while this peer loads other layers. */
function isDispensable(current: SwarmMember, others: readonly SwarmMember[], layerCount: number): boolean {
  const serving = others.filter(({ state }) => state === 'serving');
  const staying = serving.filter((other) => staysBefore(other, current));
  if (uncoveredIn(layerRates(staying, layerCount).slice(current.layers.start, current.layers.end)) > 0) return false;
  return findJoints(serving, layerCount).chained || !findJoints([...others, current], layerCount).chained;
}

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
