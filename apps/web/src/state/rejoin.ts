import { ENGINE_KINDS, parseLayerRange } from '@opengateway/core';
import type { EngineKind, LayerRange } from '@opengateway/core';

/** What this tab was lending. */
export interface Lent {
  readonly model: string;
  /** Forced ones only. */
  readonly engine?: EngineKind;
  readonly threads?: number;
  readonly layers?: LayerRange;
}

/** Remembers for this tab alone that it lends, so that it goes on when the browser brings it back. */
export interface RejoinMemory {
  /** Null: it lends no more, by the person's wish or for good reason. */
  remember(lent: Lent | null): void;
  /** The page comes back from the browser's memory and is about to load anew. */
  restored(): void;
  /** What to go on with, if the browser had put this tab away; forgotten with the asking. */
  takeUp(): Lent | null;
}

const LENT_KEY = 'opengateway-lent';
const RESTORED_KEY = 'opengateway-restored';

/** `storage` is the session's: it stays with the tab, also where that is discarded. */
export function createRejoinMemory(
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>,
  wasDiscarded: boolean,
): RejoinMemory {
  return {
    remember: (lent) =>
      attempt(() => (lent === null ? storage.removeItem(LENT_KEY) : storage.setItem(LENT_KEY, JSON.stringify(lent)))),
    restored: () => attempt(() => storage.setItem(RESTORED_KEY, '1')),
    takeUp() {
      const restored = wasDiscarded || storage.getItem(RESTORED_KEY) === '1';
      attempt(() => storage.removeItem(RESTORED_KEY));
      return restored ? parse(storage.getItem(LENT_KEY)) : null;
    },
  };
}

function parse(text: string | null): Lent | null {
  try {
    const { model, engine, threads, layers } = (JSON.parse(text ?? 'null') ?? {}) as Partial<Lent>;
    if (typeof model !== 'string') return null;
    const range = parseLayerRange(`${layers?.start}-${layers?.end}`);
    return {
      model,
      ...(ENGINE_KINDS.some((kind) => kind === engine) ? { engine: engine as EngineKind } : {}),
      ...(Number.isSafeInteger(threads) && threads! > 0 ? { threads: threads as number } : {}),
      ...(range === undefined ? {} : { layers: range }),
    };
  } catch {
    // Something else wrote there: nothing to go on with.
    return null;
  }
}

const attempt = (write: () => void) => {
  try {
    write();
  } catch {
    // Full or forbidden storage: this tab will not come back by itself.
  }
};
