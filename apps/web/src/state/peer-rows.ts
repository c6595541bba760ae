import type { CatalogEntry, EngineKind, LayerRange, PeerView, Tier } from '@opengateway/core';
import { TIERS, isWholeModel } from '@opengateway/core';
import { heldWords, layerWords } from '../format/layers.ts';
import { modelCoverage } from './coverage.ts';
import type { CoveredModel } from './coverage.ts';

/** A model, or a part of it, that a peer holds. */
export interface HeldModel {
  readonly id: string;
  readonly manifest: string;
  readonly layers: LayerRange;
  /** On disk only: a request makes the peer load it first. */
  readonly stored: boolean;
}

/** A peer as the page shows it. */
export interface PeerRow {
  readonly peer: string;
  /** Whether it is this very tab. */
  readonly self: boolean;
  readonly kind: 'tab' | 'node';
  readonly state: 'loading' | 'serving' | 'paused' | 'leaving';
  readonly models: readonly string[];
  /** Clusters of its region that it announces itself in. */
  readonly tiers: readonly Tier[];
  readonly held: readonly HeldModel[];
  readonly engine: EngineKind | null;
  readonly slots: number;
  readonly busy: number;
  readonly queued: number;
  /** Measured by the peer's self-test, one answer alone. */
  readonly tokensPerSecond: number;
  readonly lastSeenMs: number;
}

export type PeerColumn = 'peer' | 'kind' | 'models' | 'busy' | 'tokensPerSecond' | 'lastSeenMs';
export interface PeerOrder {
  readonly column: PeerColumn;
  readonly descending: boolean;
}

/** What the figures of a region are made of. */
export interface RegionFigures {
  readonly serving: number;
  /** Models of the catalogue of which every layer is held. */
  readonly models: number;
  readonly busy: number;
  readonly slots: number;
  /** Sum of the self-tests of those that serve; who holds a part of the layers counts for that part. */
  readonly tokensPerSecond: number;
}

export function toRow(view: PeerView, self: string | null): PeerRow {
  const { models } = view.advert;
  // What lies on disk shares the places of what is in memory.
  const loaded = models.filter(({ stored }) => stored !== true);
  const total = (pick: (model: (typeof models)[number]) => number) =>
    loaded.reduce((sum, model) => sum + pick(model), 0);
  return {
    peer: view.peer,
    self: view.peer === self,
    kind: view.advert.kind,
    state: view.advert.state,
    models: models.map((model) => model.id),
    tiers: view.tiers,
    held: models.map(({ id, manifest, layers: [start, end], stored = false }) => ({
      id,
      manifest,
      layers: { start, end },
      stored,
    })),
    engine: models[0]?.engine ?? null,
    slots: total((model) => model.slots),
    busy: total((model) => model.slots - Math.min(model.slots, model.freeSlots)),
    queued: total((model) => model.queued),
    tokensPerSecond: loaded.reduce((best, model) => Math.max(best, model.decodeTokensPerSecond), 0),
    lastSeenMs: view.lastSeenMs,
  };
}

export function sortRows(rows: readonly PeerRow[], order: PeerOrder): PeerRow[] {
  const key = (row: PeerRow): string | number => {
    const value = row[order.column];
    return typeof value === 'object' ? value.join() : value;
  };
  const direction = order.descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [left, right] = [key(a), key(b)];
    const difference =
      typeof left === 'number' && typeof right === 'number' ? left - right : String(left).localeCompare(String(right));
    // Peer id as the last word keeps equal rows from jumping about.
    return direction * difference || a.peer.localeCompare(b.peer);
  });
}

export function regionFigures(rows: readonly PeerRow[], catalog: readonly CatalogEntry[]): RegionFigures {
  const serving = rows.filter((row) => row.state === 'serving' && row.models.length > 0);
  return {
    serving: serving.length,
    models: catalog.filter((entry) => modelCoverage(serving, entry).missing.length === 0).length,
    busy: serving.reduce((sum, row) => sum + row.busy, 0),
    slots: serving.reduce((sum, row) => sum + row.slots, 0),
    tokensPerSecond: serving.reduce((sum, row) => sum + row.tokensPerSecond * largestShare(row, catalog), 0),
  };
}

/** A cluster of the region: all peers that announce themselves for one tier. */
export interface Cluster {
  readonly tier: Tier;
  readonly members: number;
  /** Of those, the ones that take requests. */
  readonly serving: number;
}

/** Every cluster of the region, from small models to large, with its members. */
export const clustersOf = (rows: readonly PeerRow[]): readonly Cluster[] =>
  TIERS.map((tier) => {
    const members = rows.filter(({ tiers }) => tiers.includes(tier));
    return { tier, members: members.length, serving: members.filter(({ state }) => state === 'serving').length };
  });

/** Of the layers of a model, what a peer holds; 1 where the model is not known. */
function largestShare({ held }: PeerRow, catalog: readonly CoveredModel[]): number {
  const shares = held.map(({ manifest, layers: { start, end } }) => {
    const layerCount = catalog.find((entry) => entry.manifest === manifest)?.layerCount;
    return layerCount === undefined ? 1 : Math.min(1, (end - start) / layerCount);
  });
  return Math.max(0, ...shares);
}

/** What a peer holds: `tiny`, `tiny layers 10 to 19 of 30` for a part, `tiny (on disk)` where it must be loaded first. */
export const servesWords = ({ held }: PeerRow, catalog: readonly CatalogEntry[]): string =>
  held
    .map(({ id, manifest, layers, stored }) => {
      const layerCount = catalog.find((entry) => entry.manifest === manifest)?.layerCount;
      const where = stored ? ' (on disk)' : '';
      if (layerCount === undefined) return `${id}, ${layerWords(layers)}${where}`;
      return isWholeModel(layers, layerCount) ? `${id}${where}` : `${id}, ${heldWords(layers, layerCount)}`;
    })
    .join('; ');
