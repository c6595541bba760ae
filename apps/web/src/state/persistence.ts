import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

/** What the browser said to keeping the weights for good. */
export type Persistence = 'unasked' | 'asking' | 'granted' | 'refused' | 'unavailable';

/** Asks the browser not to clear what this site stores. */
export interface PersistenceState {
  readonly answer: ReadonlySignal<Persistence>;
  /** Asks, once it was not granted yet; some browsers ask the person. Never rejects. */
  ask(): Promise<void>;
}

/** The part of `StorageManager` that keeps; insecure origins and private windows have none. */
export type PersistenceHost = Partial<Pick<StorageManager, 'persist' | 'persisted'>>;

export function createPersistenceState(host: PersistenceHost | undefined): PersistenceState {
  const answer = signal<Persistence>('unasked');
  return {
    answer,
    async ask() {
      if (answer.value === 'granted' || answer.value === 'asking') return;
      answer.value = 'asking';
      try {
        const granted = ((await host?.persisted?.()) ?? false) || (await host?.persist?.());
        answer.value = granted === undefined ? 'unavailable' : granted ? 'granted' : 'refused';
      } catch {
        // A browser that cannot say keeps nothing for certain either.
        answer.value = 'unavailable';
      }
    },
  };
}
