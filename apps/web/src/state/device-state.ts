import { computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { DeviceMeasurement, DeviceProbe, MeasureRequest } from '@opengateway/gpu-worker';

/** What was measured, and when. */
export interface KeptMeasurement {
  readonly atMs: number;
  readonly measurement: DeviceMeasurement;
}

/** What this device is, and what was measured on it. */
export interface DeviceState {
  /** Null until the browser was asked. */
  readonly probe: ReadonlySignal<DeviceProbe | null>;
  /** Kept from earlier visits while the device is the same. */
  readonly kept: ReadonlySignal<KeptMeasurement | null>;
  readonly measuring: ReadonlySignal<boolean>;
  /** Asks the browser again. */
  look(): Promise<DeviceProbe>;
  /** Measures; later calls share the one under way. Never rejects: what fails stays unmeasured. */
  measure(request: Pick<MeasureRequest, 'threads' | 'gpuMemoryBytes'>): Promise<DeviceMeasurement | null>;
}

const STORAGE_KEY = 'opengateway-measured';
/** Grows with what is measured, so that an older result is measured anew. */
const VERSION = 1;

export function createDeviceState(components: {
  probe: () => Promise<DeviceProbe>;
  /** Measures the engines worth it on `probe`. */
  measure: (
    probe: DeviceProbe,
    request: Pick<MeasureRequest, 'threads' | 'gpuMemoryBytes'>,
  ) => Promise<DeviceMeasurement>;
  storage: Pick<Storage, 'getItem' | 'setItem'>;
  now: () => number;
}): DeviceState {
  const { storage, now } = components;
  const probe = signal<DeviceProbe | null>(null);
  const kept = signal<KeptMeasurement | null>(null);
  let under: Promise<DeviceMeasurement | null> | null = null;
  const measuring = signal(false);

  const look = async () => {
    const seen = await components.probe();
    probe.value = seen;
    kept.value ??= read(storage, deviceKey(seen));
    return seen;
  };
  const measure = async (request: Pick<MeasureRequest, 'threads' | 'gpuMemoryBytes'>) => {
    measuring.value = true;
    try {
      const device = probe.value ?? (await look());
      const measurement = await components.measure(device, request);
      kept.value = { atMs: now(), measurement };
      write(storage, deviceKey(device), kept.value);
      return measurement;
    } catch {
      // A worker that broke or hung on the way: the choice is made by what the browser tells.
      return null;
    } finally {
      measuring.value = false;
      under = null;
    }
  };
  return {
    probe: computed(() => probe.value),
    kept: computed(() => kept.value),
    measuring: computed(() => measuring.value),
    look,
    measure: (request) => (under ??= measure(request)),
  };
}

/** A browser update or another graphics card makes another device. */
const deviceKey = ({ cores, kernels, graphics }: DeviceProbe): string =>
  JSON.stringify([cores, kernels, graphics?.vendor, graphics?.architecture, graphics?.description, graphics?.features]);

function read(storage: Pick<Storage, 'getItem'>, device: string): KeptMeasurement | null {
  try {
    const value = JSON.parse(storage.getItem(STORAGE_KEY) ?? 'null') as
      | (KeptMeasurement & { v: unknown; device: unknown })
      | null;
    return value?.v === VERSION && value.device === device && Array.isArray(value.measurement?.engines)
      ? { atMs: value.atMs, measurement: value.measurement }
      : null;
  } catch {
    // Something else wrote there: it is measured anew.
    return null;
  }
}

function write(storage: Pick<Storage, 'setItem'>, device: string, kept: KeptMeasurement): void {
  try {
    storage.setItem(STORAGE_KEY, JSON.stringify({ v: VERSION, device, ...kept }));
  } catch {
    // Full or forbidden storage: it is measured again next time.
  }
}
