import type { CatalogEntry, LayerRange } from '@opengateway/core';
import type { PeerRow } from './peer-rows.ts';

/** Consecutive layers that are held by the same peers, as far as their ranges tell. */
export interface Stretch {
  readonly layers: LayerRange;
  /** Peers that hold them and take requests. */
  readonly serving: number;
  /** Peers that are about to hold them. */
  readonly loading: number;
}

/** Which layers of a model are held by how many peers. */
export interface ModelCoverage {
  /** In order, together all layers. */
  readonly stretches: readonly Stretch[];
  /** Layers that nobody who takes requests holds. */
  readonly missing: readonly LayerRange[];
  /** Peers that hold all layers, and such that hold a part of them, each taking requests. */
  readonly wholes: number;
  readonly parts: number;
  /** Peers that are loading. */
  readonly loading: number;
}

export type CoveredModel = Pick<CatalogEntry, 'manifest' | 'layerCount'>;

export function modelCoverage(rows: readonly PeerRow[], { manifest, layerCount }: CoveredModel): ModelCoverage {
  const held = rows.flatMap(({ state, held: models }) =>
    models.flatMap(({ manifest: hash, layers }) =>
      hash === manifest && layers.start < layers.end && layers.end <= layerCount ? [{ state, layers }] : [],
    ),
  );
  const serving = held.filter(({ state }) => state === 'serving');
  const loading = held.filter(({ state }) => state === 'loading');
  const ends = new Set(held.flatMap(({ layers }) => [layers.start, layers.end]));
  const stretches = stretchesOf(ends, perLayer(serving, layerCount), perLayer(loading, layerCount));
  const wholes = serving.filter(({ layers }) => layers.end - layers.start === layerCount).length;
  return {
    stretches,
    missing: joined(stretches.filter((stretch) => stretch.serving === 0).map(({ layers }) => layers)),
    wholes,
    parts: serving.length - wholes,
    loading: loading.length,
  };
}

/** How many of `held` there are at each layer. */
function perLayer(held: readonly { readonly layers: LayerRange }[], layerCount: number): number[] {
  const counts = Array.from({ length: layerCount }, () => 0);
  for (const { layers } of held) {
    for (let layer = layers.start; layer < layers.end; layer++) counts[layer] = (counts[layer] ?? 0) + 1;
  }
  return counts;
}

/** Ends wherever a peer's range begins or ends: there one stage hands over to the next. */
function stretchesOf(ends: ReadonlySet<number>, serving: readonly number[], loading: readonly number[]): Stretch[] {
  const stretches: Stretch[] = [];
  let start = 0;
  for (let end = 1; end <= serving.length; end++) {
    if (end < serving.length && !ends.has(end)) continue;
    stretches.push({ layers: { start, end }, serving: serving[start] ?? 0, loading: loading[start] ?? 0 });
    start = end;
  }
  return stretches;
}

function joined(ranges: readonly LayerRange[]): LayerRange[] {
  const all: LayerRange[] = [];
  for (const range of ranges) {
    const last = all.at(-1);
    if (last?.end === range.start) all[all.length - 1] = { start: last.start, end: range.end };
    else all.push(range);
  }
  return all;
}
