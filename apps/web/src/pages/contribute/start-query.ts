import { ENGINE_KINDS } from '@opengateway/core';
import type { EngineKind } from '@opengateway/core';

/** `?start=1&engine=wasm&threads=2&model=ID`: a kiosk's or a bookmark's wish to begin without a press. */
export interface StartQuery {
  readonly start: boolean;
  /** Null: the fastest here. */
  readonly engine: EngineKind | null;
  /** Null: as pledged. */
  readonly threads: number | null;
  /** Null takes the first of the catalogue. */
  readonly model: string | null;
}

export function parseStart(query: URLSearchParams): StartQuery {
  const threads = query.get('threads') ?? '';
  return {
    start: query.get('start') === '1',
    engine: ENGINE_KINDS.find((kind) => kind === query.get('engine')) ?? null,
    threads: /^[1-9]\d{0,3}$/.test(threads) ? Number(threads) : null,
    model: query.get('model'),
  };
}

/** The forced parts of a start. */
export function forcedBy({ engine, threads }: StartQuery): { engine?: EngineKind; threads?: number } {
  return { ...(engine === null ? {} : { engine }), ...(threads === null ? {} : { threads }) };
}
