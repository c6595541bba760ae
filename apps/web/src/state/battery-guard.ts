import { effect, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { ContributeState } from './contribute-state.ts';

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

/** Pauses serving on battery where the person wants that, and resumes only what it paused itself. */
export function guardBattery(components: {
  contribute: ContributeState;
  onBattery: OnBattery;
  wanted: ReadonlySignal<boolean>;
}): () => void {
  const { contribute, onBattery, wanted } = components;
  let pausedHere = false;
  return effect(() => {
    const { state } = contribute.snapshot.value;
    const hold = wanted.value && onBattery.value === true;
    if (hold && state === 'serving') {
      pausedHere = true;
      void contribute.pause();
    } else if (!hold && pausedHere && state === 'paused') {
      pausedHere = false;
      void contribute.resume();
    } else if (state === 'idle' || state === 'error') pausedHere = false;
  });
}
