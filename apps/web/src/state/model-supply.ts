import { formatPlural } from '../format/numbers.ts';
import type { ModelCoverage } from './coverage.ts';

/** Who serves a model now, in one phrase: `served whole by 2 peers, in parts by 3`. */
export function supplyWords({ wholes, parts, loading, missing }: ModelCoverage): string {
  const held = [
    ...(wholes > 0 ? [`whole by ${formatPlural(wholes, 'peer')}`] : []),
    ...(parts > 0 ? [`in parts by ${formatPlural(parts, 'peer')}`] : []),
  ];
  const loads = loading > 0 ? `${formatPlural(loading, 'peer')} loading` : null;
  if (held.length === 0) return ['served by nobody now', ...(loads === null ? [] : [loads])].join(', ');
  const short = missing.length > 0 ? 'not all layers yet' : null;
  return [`served ${held.join(', ')} now`, ...[short, loads].filter((part) => part !== null)].join(', ');
}
