import { effect, signal } from '@preact/signals';
import { DEFAULT_UPLOAD_BYTES_PER_SECOND, MIN_SHARE, isRegion } from '@opengateway/core';
import type { Region } from '@opengateway/core';
import type { Signal } from '@preact/signals';
import { MAX_OTHER_MODELS } from '../constants.ts';
import { isHours } from './hours.ts';
import type { Hours } from './hours.ts';

const STORAGE_KEY = 'opengateway-settings';

/**
 * Where answers may be computed: through the relay's `/v1`, by peers that this tab asks itself, or here and nowhere
 * else. A tab that holds the whole model answers by itself whatever is chosen.
 */
export const PLACES = ['relay', 'direct', 'device'] as const;
export type Place = (typeof PLACES)[number];

/** What a person chose once for all pages; kept in this browser. */
export interface Settings {
  readonly model: Signal<string | null>;
  readonly place: Signal<Place>;
  /** The region to be in, whatever the address tells; null: by the address. */
  readonly region: Signal<Region | null>;
  /** Threads that compute; null: all processors but one. */
  readonly threads: Signal<number | null>;
  /** Memory lent, the GPU's where that computes; null: what suits the device. */
  readonly memoryBytes: Signal<number | null>;
  /** Most bytes of weights kept; null: what the browser allows. */
  readonly storageBytes: Signal<number | null>;
  /** Memory that this device has, where the browser tells less; null: as it tells. */
  readonly deviceMemoryBytes: Signal<number | null>;
  /** Memory that its GPU has, of which browsers tell nothing; null: what was measured. */
  readonly graphicsMemoryBytes: Signal<number | null>;
  /** Models held beside the one that is lent, by id. */
  readonly others: Signal<readonly string[]>;
  /** Weights are given to other peers. */
  readonly givesWeights: Signal<boolean>;
  /** What peers together get of weights per second at most. */
  readonly uploadBytesPerSecond: Signal<number>;
  /** Share of the time that the device computes for others, from MIN_SHARE to 1. */
  readonly share: Signal<number>;
  /** Lending pauses while the device runs on its battery. */
  readonly pauseOnBattery: Signal<boolean>;
  /** Lending pauses while the device is busy with something else. */
  readonly pauseWhenBusy: Signal<boolean>;
  /** Lending pauses outside of these; null: it lends at any time. */
  readonly hours: Signal<Hours | null>;
  /** The screen stays on while the device is lent. */
  readonly keepAwake: Signal<boolean>;
}

type Kept = { readonly [Name in keyof Settings]: Settings[Name]['value'] };

/** What holds where nothing, or nothing sensible, was kept. */
const DEFAULTS: Kept = {
  model: null,
  place: 'relay',
  region: null,
  threads: null,
  memoryBytes: null,
  storageBytes: null,
  deviceMemoryBytes: null,
  graphicsMemoryBytes: null,
  others: [],
  givesWeights: true,
  uploadBytesPerSecond: DEFAULT_UPLOAD_BYTES_PER_SECOND,
  share: 1,
  pauseOnBattery: true,
  pauseWhenBusy: false,
  hours: null,
  keepAwake: false,
};

const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isCount = (value: unknown): boolean => value === null || (Number.isSafeInteger(value) && (value as number) > 0);

const ACCEPTS: { readonly [Name in keyof Settings]: (value: unknown) => boolean } = {
  model: (value) => value === null || typeof value === 'string',
  place: (value) => PLACES.some((place) => place === value),
  region: (value) => value === null || (typeof value === 'string' && isRegion(value)),
  threads: isCount,
  memoryBytes: isCount,
  storageBytes: isCount,
  deviceMemoryBytes: isCount,
  graphicsMemoryBytes: isCount,
  others: (value) =>
    Array.isArray(value) && value.length <= MAX_OTHER_MODELS && value.every((id) => typeof id === 'string'),
  givesWeights: isFlag,
  uploadBytesPerSecond: (value) => value !== null && isCount(value),
  share: (value) => typeof value === 'number' && value >= MIN_SHARE && value <= 1,
  pauseOnBattery: isFlag,
  pauseWhenBusy: isFlag,
  hours: (value) => value === null || isHours(value),
  keepAwake: isFlag,
};

export function createSettings(storage: Pick<Storage, 'getItem' | 'setItem'>): Settings {
  const stored = read(storage);
  const names = Object.keys(DEFAULTS) as (keyof Settings)[];
  const settings = Object.fromEntries(
    names.map((name) => [name, signal(ACCEPTS[name](stored[name]) ? stored[name] : DEFAULTS[name])]),
  ) as unknown as Settings;
  effect(() => {
    const text = JSON.stringify(Object.fromEntries(names.map((name) => [name, settings[name].value])));
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
    const stored = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
    // As earlier versions kept it: whoever wanted nothing to leave the device still does.
    return stored['deviceOnly'] === true ? { place: 'device', ...stored } : stored;
  } catch {
    // Something else wrote there: the defaults hold.
    return {};
  }
}
