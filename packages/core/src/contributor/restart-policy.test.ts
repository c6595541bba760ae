import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIRST_RESTART_DELAY_MS, LONGEST_RESTART_DELAY_MS, MAX_QUICK_FAILURES, STEADY_RUN_MS } from './constants.ts';
import { NO_FAILURES, decideRestart } from './restart-policy.ts';
import type { FailureHistory, RestartDecision } from './restart-policy.ts';
import type { EngineKind } from '../inference/coordinator-types.ts';

const lost = { code: 'device_lost', retryable: true };
const away = { code: 'manifest_unavailable', retryable: true };
const decide = (
  history: FailureHistory,
  over: Partial<Parameters<typeof decideRestart>[1]> = {},
  random: () => number = () => 0,
) => decideRestart(history, { engine: 'webgpu', error: lost, servedMs: 0, canFallBack: true, ...over }, random);

/** Decisions of an engine that fails at once, until something else is decided. */
function failUntilChange(engine: EngineKind, canFallBack: boolean): RestartDecision[] {
  const decisions: RestartDecision[] = [];
  let history = NO_FAILURES;
  for (;;) {
    const decision = decide(history, { engine, canFallBack });
    decisions.push(decision);
    if (decision.type === 'give-up' || decision.engine !== engine) return decisions;
    ({ history } = decision);
  }
}

describe('restart policy', () => {
  it('starts a lost engine again after a short wait that doubles', () => {
    const [first, second] = failUntilChange('webgpu', true);
    expect(first).toMatchObject({ type: 'restart', engine: 'webgpu', delayMs: FIRST_RESTART_DELAY_MS });
    expect(second).toMatchObject({ type: 'restart', engine: 'webgpu', delayMs: 2 * FIRST_RESTART_DELAY_MS });
  });

  it('lets the CPU take over from an engine that keeps failing, and gives that up in the end', () => {
    const onGpu = failUntilChange('webgpu', true);
    expect(onGpu).toHaveLength(MAX_QUICK_FAILURES);
    expect(onGpu.at(-1)).toMatchObject({ type: 'restart', engine: 'wasm', history: NO_FAILURES });
    const onCpu = failUntilChange('wasm', true);
    expect(onCpu).toHaveLength(MAX_QUICK_FAILURES);
    expect(onCpu.at(-1)).toEqual({ type: 'give-up', tired: true });
  });

  it('gives up an engine that keeps failing where nothing may take over', () => {
    expect(failUntilChange('webgpu', false).at(-1)).toEqual({ type: 'give-up', tired: true });
  });

  it('counts anew after a steady run', () => {
    const history = { engineFailures: MAX_QUICK_FAILURES - 1, otherFailures: 0 };
    expect(decide(history, { servedMs: STEADY_RUN_MS })).toMatchObject({
      engine: 'webgpu',
      history: { engineFailures: 1 },
    });
  });

  it('goes to the CPU at once where the GPU will not do', () => {
    for (const code of ['gpu_unavailable', 'insufficient_memory', 'self_test_failed']) {
      const error = { code, retryable: false };
      expect(decide(NO_FAILURES, { error })).toMatchObject({ type: 'restart', engine: 'wasm' });
    }
    const memory = { code: 'insufficient_memory', retryable: false };
    expect(decide(NO_FAILURES, { error: memory, engine: 'wasm' })).toEqual({ type: 'give-up', tired: false });
  });

  it('waits for a relay that is away as long as it takes', () => {
    let history = NO_FAILURES;
    for (let tries = 0; tries < 50; tries++) {
      const decision = decide(history, { error: away });
      if (decision.type === 'give-up') throw new Error('gave up');
      expect(decision.engine).toBe('webgpu');
      ({ history } = decision);
    }
    expect(decide(history, { error: away })).toMatchObject({ delayMs: LONGEST_RESTART_DELAY_MS });
  });

  it('does not repeat what cannot succeed', () => {
    expect(decide(NO_FAILURES, { error: { code: 'unsupported_model', retryable: false } })).toEqual({
      type: 'give-up',
      tired: false,
    });
  });

  it('never waits longer than its bound, nor less than half of the full wait', () => {
    fc.assert(
      fc.property(
        fc.nat(40),
        fc.nat(40),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (engineFailures, otherFailures, chance) => {
          const history = { engineFailures, otherFailures };
          const decision = decide(history, { error: away }, () => chance);
          if (decision.type === 'give-up') return;
          expect(decision.delayMs).toBeLessThanOrEqual(LONGEST_RESTART_DELAY_MS);
          expect(decision.delayMs).toBeGreaterThanOrEqual(FIRST_RESTART_DELAY_MS / 2);
        },
      ),
    );
  });
});
