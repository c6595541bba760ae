import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

interface BatteryLike extends EventTarget {
  readonly charging: boolean;
  readonly level: number;
}

/** Whether the device runs on its battery; null where the browser keeps that to itself. */
export type OnBattery = ReadonlySignal<boolean | null>;

/** The part of `Navigator` that tells of the battery; many browsers have none. */
export interface BatteryHost {
  readonly getBattery?: () => Promise<BatteryLike>;
}

/** Asks the browser and follows it. */
export function watchBattery(host: BatteryHost): OnBattery {
  const onBattery = signal<boolean | null>(null);
  const follow = async () => {
    const battery = await host.getBattery?.();
    if (!battery) return;
    const read = () => {
      onBattery.value = !battery.charging;
    };
    battery.addEventListener('chargingchange', read);
    read();
  };
  // A refusal means the same as a browser without the interface: not told.
  follow().catch(() => undefined);
  return onBattery;
}
