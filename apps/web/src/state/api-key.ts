import { computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

const STORAGE_KEY = 'opengateway-api-key';

/** The relay's API key, where it wants one: kept for this tab's session only. */
export interface ApiKeyState {
  readonly key: ReadonlySignal<string | null>;
  /** The relay refused for want of a (right) key. */
  readonly wanted: ReadonlySignal<boolean>;
  ask(): void;
  give(key: string): void;
  dismiss(): void;
}

/** Keeps the key in `storage`, the tab's own `sessionStorage`. */
export function createApiKeyState(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>): ApiKeyState {
  const key = signal(storage.getItem(STORAGE_KEY));
  const wanted = signal(false);
  return {
    key: computed(() => key.value),
    wanted: computed(() => wanted.value),
    ask: () => {
      wanted.value = true;
    },
    give(text) {
      key.value = text.trim() || null;
      if (key.value === null) storage.removeItem(STORAGE_KEY);
      else storage.setItem(STORAGE_KEY, key.value);
      wanted.value = false;
    },
    dismiss: () => {
      wanted.value = false;
    },
  };
}
