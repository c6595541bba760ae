import { computed, effect } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { withinHours } from './hours.ts';
import type { ContributeState } from './contribute-state.ts';
import type { Settings } from './settings.ts';

/** Why lending pauses by itself, by the person's own limits. */
export type Hold = 'battery' | 'busy' | 'hours';

/** The limits that hold now. */
export const activeHolds = (components: {
  settings: Pick<Settings, 'pauseOnBattery' | 'pauseWhenBusy' | 'hours'>;
  onBattery: ReadonlySignal<boolean | null>;
  busy: ReadonlySignal<boolean | null>;
  /** Minutes since midnight, local time. */
  minutes: ReadonlySignal<number>;
}): ReadonlySignal<readonly Hold[]> =>
  computed(() => {
    const { settings, onBattery, busy, minutes } = components;
    const hours = settings.hours.value;
    return [
      ...(settings.pauseOnBattery.value && onBattery.value === true ? (['battery'] as const) : []),
      ...(settings.pauseWhenBusy.value && busy.value === true ? (['busy'] as const) : []),
      ...(hours !== null && !withinHours(hours, minutes.value) ? (['hours'] as const) : []),
    ];
  });

/** Pauses serving while something holds, and resumes only what it paused itself. */
export function obeyHolds(components: {
  contribute: Pick<ContributeState, 'snapshot' | 'pause' | 'resume'>;
  holds: ReadonlySignal<readonly Hold[]>;
}): () => void {
  const { contribute, holds } = components;
  let pausedHere = false;
  return effect(() => {
    const { state } = contribute.snapshot.value;
    const held = holds.value.length > 0;
    if (held && state === 'serving') {
      pausedHere = true;
      void contribute.pause();
    } else if (!held && pausedHere && state === 'paused') {
      pausedHere = false;
      void contribute.resume();
    } else if (state === 'idle') pausedHere = false;
  });
}
