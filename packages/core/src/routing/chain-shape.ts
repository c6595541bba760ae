import type { LayerRange } from '../ids.ts';

/** How ranges of layers fit together, whoever holds them. */
export interface ChainShape {
  /** Stages of the shortest chain over `[0, layerCount)` that `range` is part of; Infinity where there is none. */
  fewestStagesThrough(range: LayerRange): number;
  /** Layers in no range. */
  readonly missing: readonly LayerRange[];
}

/** A range joins another only where it begins at the layer at which the other ends. */
export function chainShape(ranges: readonly LayerRange[], layerCount: number): ChainShape {
  const endsFrom = Array.from({ length: layerCount + 1 }, () => new Set<number>());
  for (const { start, end } of ranges) endsFrom[start]?.add(end);
  const before = Array.from({ length: layerCount + 1 }, () => Infinity);
  const after = Array.from({ length: layerCount + 1 }, () => Infinity);
  const missing: LayerRange[] = [];
  before[0] = 0;
  let coveredTo = 0;
  for (const [start, ends] of endsFrom.entries()) {
    const stages = (before[start] ?? Infinity) + 1;
    for (const end of ends) {
      before[end] = Math.min(before[end] ?? Infinity, stages);
      if (start > coveredTo) missing.push({ start: coveredTo, end: start });
      coveredTo = Math.max(coveredTo, start, end);
    }
  }
  if (coveredTo < layerCount) missing.push({ start: coveredTo, end: layerCount });
  after[layerCount] = 0;
  for (let start = layerCount - 1; start >= 0; start--) {
    for (const end of endsFrom[start] ?? []) {
      after[start] = Math.min(after[start] ?? Infinity, (after[end] ?? Infinity) + 1);
    }
  }
  return {
    fewestStagesThrough: ({ start, end }) => (before[start] ?? Infinity) + 1 + (after[end] ?? Infinity),
    missing,
  };
}
