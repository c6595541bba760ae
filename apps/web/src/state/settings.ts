import { effect, signal } from '@preact/signals';
import type { Signal } from '@preact/signals';

const STORAGE_KEY = 'opengateway-settings';

/** What a person chose once for all pages; kept in this browser. */
export interface Settings {
  readonly model: Signal<string | null>;
  /** Answers may only come from this device. */
  readonly deviceOnly: Signal<boolean>;
  /** Lending pauses while the device runs on its battery. */
  readonly pauseOnBattery: Signal<boolean>;
}

export function createSettings(storage: Pick<Storage, 'getItem' | 'setItem'>): Settings {
  const stored = read(storage);
  const settings: Settings = {
    model: signal(typeof stored['model'] === 'string' ? stored['model'] : null),
    deviceOnly: signal(stored['deviceOnly'] === true),
    pauseOnBattery: signal(stored['pauseOnBattery'] !== false),
  };
  effect(() => {
    const text = JSON.stringify({
      model: settings.model.value,
      deviceOnly: settings.deviceOnly.value,
      pauseOnBattery: settings.pauseOnBattery.value,
    });
    try {
      storage.setItem(STORAGE_KEY, text);
    } catch {
      // Full or forbidden storage: the choice holds until the page is closed.
    }
  });
  return settings;
}

function read(storage: Pick<Storage, 'getItem'>): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(storage.getItem(STORAGE_KEY) ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Something else wrote there: the defaults hold.
    return {};
  }
}
