import {
  FIRST_RESTART_DELAY_MS,
  LONGEST_RESTART_DELAY_MS,
  MAX_QUICK_FAILURES,
  RESTART_JITTER,
  STEADY_RUN_MS,
} from './constants.ts';
import type { WireError } from '../errors.ts';
import type { EngineKind } from '../inference/coordinator-types.ts';

/** What is remembered from one failure to the next. */
export interface FailureHistory {
  /** Failures of the engine in a row, each soon after the one before. */
  readonly engineFailures: number;
  /** Tries in a row that did not come to serving for other reasons, as when the relay is away. */
  readonly otherFailures: number;
}

export const NO_FAILURES: FailureHistory = { engineFailures: 0, otherFailures: 0 };

export type RestartDecision =
  | {
      readonly type: 'restart';
      readonly engine: EngineKind;
      readonly delayMs: number;
      readonly history: FailureHistory;
    }
  /** `tired`: it could be tried again, but has been often enough. */
  | { readonly type: 'give-up'; readonly tired: boolean };

/** The engine itself broke, or computed something wrong; a fresh one may do better. */
const ENGINE_FAILURES: ReadonlySet<string> = new Set(['engine_failed', 'device_lost', 'self_test_failed']);

/** A fresh engine of the same kind would meet the same. */
const HOPELESS_FOR_KIND: ReadonlySet<string> = new Set([
  'insufficient_memory',
  'gpu_unavailable',
  'gpu_feature_missing',
  'self_test_failed',
]);

/** What takes over from an engine that keeps failing. */
const FALLBACK: EngineKind = 'wasm';

/**
 * What to do after a failure: again after a jittered back-off, again on the CPU, or no more.
 *
 * @param servedMs how long it served before it failed; 0 where it did not come that far
 * @param canFallBack whether the model can run on the CPU engine
 * @param random uniform in [0, 1)
 */
export function decideRestart(
  history: FailureHistory,
  failure: { engine: EngineKind; error: Pick<WireError, 'code' | 'retryable'>; servedMs: number; canFallBack: boolean },
  random: () => number,
): RestartDecision {
  const { engine, error, servedMs } = failure;
  const before = servedMs >= STEADY_RUN_MS ? NO_FAILURES : history;
  const canFallBack = failure.canFallBack && engine !== FALLBACK;
  const next = (kind: EngineKind, failures: FailureHistory): RestartDecision => ({
    type: 'restart',
    engine: kind,
    delayMs: backOff(failures.engineFailures + failures.otherFailures, random),
    history: failures,
  });
  if (canFallBack && HOPELESS_FOR_KIND.has(error.code)) return next(FALLBACK, NO_FAILURES);
  if (ENGINE_FAILURES.has(error.code)) {
    const failures = { engineFailures: before.engineFailures + 1, otherFailures: 0 };
    if (failures.engineFailures < MAX_QUICK_FAILURES) return next(engine, failures);
    return canFallBack ? next(FALLBACK, NO_FAILURES) : { type: 'give-up', tired: true };
  }
  if (!error.retryable) return { type: 'give-up', tired: false };
  return next(engine, { ...before, otherFailures: before.otherFailures + 1 });
}

function backOff(failures: number, random: () => number): number {
  const fullMs = Math.min(LONGEST_RESTART_DELAY_MS, FIRST_RESTART_DELAY_MS * 2 ** Math.max(0, failures - 1));
  return Math.round(fullMs * (1 - RESTART_JITTER * random()));
}
