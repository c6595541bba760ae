import type { LayerRange } from '../ids.ts';
import { explainPlan } from '../routing/explain-plan.ts';
import type { RoutePlan } from '../routing/types.ts';

/** Gaps named in one message; the rest is counted. */
const MAX_NAMED_GAPS = 4;

/** Why nobody can take a request, in plain sentences for whoever asked: what is missing, and who cannot help. */
export function noRouteWords(plan: RoutePlan, { model, layerCount }: { model: string; layerCount: number }): string {
  const isGap = plan.reason === 'layers-missing';
  // Who has nothing to do with the model explains nothing; that parts meet nobody at a gap follows from it.
  const rejections = plan.rejections.filter(
    ({ reason }) => reason !== 'model-not-served' && !(isGap && reason === 'no-neighbour'),
  );
  const [summary = '', ...details] = explainPlan({ ...plan, rejections });
  const first = isGap ? gapWords(plan.missing, model, layerCount) : summary;
  return [first, ...details].join(' ');
}

function gapWords(missing: readonly LayerRange[], model: string, layerCount: number): string {
  if (missing.some(({ start, end }) => start === 0 && end === layerCount)) return `Nobody serves ${model} now.`;
  const named = missing.slice(0, MAX_NAMED_GAPS).map(rangeWords);
  const more = missing.length - named.length;
  const gaps = more > 0 ? `${named.join(', ')} and ${more} more gaps` : named.join(' and ');
  return `Nobody holds layers ${gaps} of ${model} now.`;
}

const rangeWords = ({ start, end }: LayerRange): string => (end - start === 1 ? `${start}` : `${start} to ${end - 1}`);
