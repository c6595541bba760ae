import { openDB, type DBSchema } from 'idb';
import type { TuningStore } from './tune.ts';

interface TuningDatabase extends DBSchema {
  choices: { key: string; value: string };
}

/** Choices kept: some for each model and adapter that this browser ever met. */
export const MAX_TUNING_CHOICES = 64;
const DATABASE = 'opengateway-tuning';

/** Keeps in this browser what tuning chose, so that a device is measured once per adapter and shape. */
export function createTuningStore({ database = DATABASE }: { readonly database?: string } = {}): TuningStore {
  // Where the browser forbids storage (or there is none, as in Node) nothing is kept, and each load measures anew.
  const opened = Promise.resolve()
    .then(() =>
      openDB<TuningDatabase>(database, 1, { upgrade: (created) => void created.createObjectStore('choices') }),
    )
    .catch(() => null);
  return {
    get: async (key) => (await opened)?.get('choices', key),
    async set(key, value) {
      const choices = (await opened)?.transaction('choices', 'readwrite').objectStore('choices');
      if (!choices) return;
      if ((await choices.count()) >= MAX_TUNING_CHOICES) await choices.clear();
      await choices.put(value, key);
    },
  };
}
