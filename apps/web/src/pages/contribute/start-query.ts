import { ENGINE_KINDS } from '@opengateway/core';
import type { EngineKind } from '@opengateway/core';

export const DEFAULT_ENGINE: EngineKind = 'wasm';

/** `?start=1&engine=wasm&model=ID`: a kiosk's or a bookmark's wish to begin without a press. */
export interface StartQuery {
  readonly start: boolean;
  readonly engine: EngineKind;
  /** Null takes the first of the catalogue. */
  readonly model: string | null;
}

export function parseStart(query: URLSearchParams): StartQuery {
  return {
    start: query.get('start') === '1',
    engine: ENGINE_KINDS.find((kind) => kind === query.get('engine')) ?? DEFAULT_ENGINE,
    model: query.get('model'),
  };
}
