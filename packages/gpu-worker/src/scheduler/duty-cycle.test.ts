import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_REST_DEBT_MS, MIN_REST_MS } from './constants.ts';
import { createDutyCycle } from './duty-cycle.ts';

describe('duty cycle', () => {
  it('asks for no rest at the full share', () => {
    const duty = createDutyCycle(1);
    duty.worked(1_000);
    expect(duty.dueMs()).toBe(0);
  });

  it('gathers little debts until a rest is worth it', () => {
    const duty = createDutyCycle(0.5);
    duty.worked(MIN_REST_MS - 1);
    expect(duty.dueMs()).toBe(0);
    duty.worked(1);
    expect(duty.dueMs()).toBe(MIN_REST_MS);
  });

  it('forgives what is due when the full share is lent again', () => {
    const duty = createDutyCycle(0.25);
    duty.worked(100);
    expect(duty.dueMs()).toBe(300);
    duty.setShare(1);
    expect(duty.dueMs()).toBe(0);
  });

  it('keeps any work within its share in the long run, also where every rest ends late', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 0.95, noNaN: true }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 0, max: 16 })), { minLength: 200 }),
        (share, steps) => {
          const duty = createDutyCycle(share);
          let workedMs = 0;
          let totalMs = 0;
          for (const [stepMs, lateMs] of steps) {
            duty.worked(stepMs);
            workedMs += stepMs;
            totalMs += stepMs;
            const dueMs = duty.dueMs();
            if (dueMs === 0) continue;
            duty.rested(dueMs + lateMs);
            totalMs += dueMs + lateMs;
          }
          // All but the debt that is still open has been paid.
          expect(workedMs).toBeLessThanOrEqual(share * (totalMs + MIN_REST_MS + MAX_REST_DEBT_MS));
        },
      ),
    );
  });
});
