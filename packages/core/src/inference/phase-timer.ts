import type { Clock } from '../clock.ts';
import type { StageTiming } from './generator.ts';

/** Measures on the coordinator's side what a lost stage cannot report any more. */
export function createPhaseTimer(clock: Clock) {
  const timing: Record<keyof StageTiming, number> = { queuedMs: 0, prefillMs: 0, decodeMs: 0 };
  let phase: keyof StageTiming = 'queuedMs';
  let sinceMs = clock.now();
  const settle = () => {
    const nowMs = clock.now();
    timing[phase] += nowMs - sinceMs;
    sinceMs = nowMs;
  };
  return {
    enter(next: keyof StageTiming) {
      if (next === phase) return;
      settle();
      phase = next;
    },
    elapsed(): StageTiming {
      settle();
      return { ...timing };
    },
  };
}
