import type { EngineKind, PeerView } from '@opengateway/core';

/** A peer as the page shows it. */
export interface PeerRow {
  readonly peer: string;
  /** Whether it is this very tab. */
  readonly self: boolean;
  readonly kind: 'tab' | 'node';
  readonly state: 'loading' | 'serving' | 'paused' | 'leaving';
  readonly models: readonly string[];
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
  readonly models: number;
  readonly busy: number;
  readonly slots: number;
  /** Sum of the self-tests of those that serve. */
  readonly tokensPerSecond: number;
}

export function toRow(view: PeerView, self: string | null): PeerRow {
  const { models } = view.advert;
  const total = (pick: (model: (typeof models)[number]) => number) =>
    models.reduce((sum, model) => sum + pick(model), 0);
  return {
    peer: view.peer,
    self: view.peer === self,
    kind: view.advert.kind,
    state: view.advert.state,
    models: models.map((model) => model.id),
    engine: models[0]?.engine ?? null,
    slots: total((model) => model.slots),
    busy: total((model) => model.slots - Math.min(model.slots, model.freeSlots)),
    queued: total((model) => model.queued),
    tokensPerSecond: models.reduce((best, model) => Math.max(best, model.decodeTokensPerSecond), 0),
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

export function regionFigures(rows: readonly PeerRow[]): RegionFigures {
  const serving = rows.filter((row) => row.state === 'serving' && row.models.length > 0);
  return {
    serving: serving.length,
    models: new Set(serving.flatMap((row) => row.models)).size,
    busy: serving.reduce((sum, row) => sum + row.busy, 0),
    slots: serving.reduce((sum, row) => sum + row.slots, 0),
    tokensPerSecond: serving.reduce((sum, row) => sum + row.tokensPerSecond, 0),
  };
}

/** Who serves `model` now and how fast one of them answers at best. */
export function modelSupply(rows: readonly PeerRow[], model: string): { peers: number; free: number; best: number } {
  const serving = rows.filter((row) => row.state === 'serving' && row.models.includes(model));
  return {
    peers: serving.length,
    free: serving.filter((row) => row.busy < row.slots).length,
    best: serving.reduce((best, row) => Math.max(best, row.tokensPerSecond), 0),
  };
}
