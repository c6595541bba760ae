import { ENGINE_KINDS, parseLayerRange } from '@opengateway/core';
import type { EngineKind, LayerRange } from '@opengateway/core';
import type { LendingWish } from '../../state/lending-plan.ts';

/** `?start=1&engine=wasm&threads=2&layers=0-14&model=ID`: a kiosk's or a bookmark's wish to begin without a press. */
export interface StartQuery {
  readonly start: boolean;
  /** Null: the fastest here. */
  readonly engine: EngineKind | null;
  /** Null: as pledged. */
  readonly threads: number | null;
  /** Null: all where they fit, else what is lacking most. */
  readonly layers: LayerRange | null;
  /** Null takes the first of the catalogue. */
  readonly model: string | null;
}

export function parseStart(query: URLSearchParams): StartQuery {
  const threads = query.get('threads') ?? '';
  return {
    start: query.get('start') === '1',
    engine: ENGINE_KINDS.find((kind) => kind === query.get('engine')) ?? null,
    threads: /^[1-9]\d{0,3}$/.test(threads) ? Number(threads) : null,
    layers: parseLayerRange(query.get('layers') ?? '') ?? null,
    model: query.get('model'),
  };
}

/** The forced parts of a start. */
export function forcedBy({ engine, threads, layers }: StartQuery): Pick<LendingWish, 'engine' | 'threads' | 'layers'> {
  return {
    ...(engine === null ? {} : { engine }),
    ...(threads === null ? {} : { threads }),
    ...(layers === null ? {} : { layers }),
  };
}
