import { MAX_REST_DEBT_MS, MIN_REST_MS } from './constants.ts';

/** Keeps computing within a share of the time: work makes a debt, rest pays it. */
export interface DutyCycle {
  /** Above 0 and at most 1; at 1 there is never anything to pay. */
  setShare(share: number): void;
  worked(ms: number): void;
  rested(ms: number): void;
  /** Rest that is due now, or 0: little debts are gathered, since no host waits exactly. */
  dueMs(): number;
}

export function createDutyCycle(initialShare: number): DutyCycle {
  let share = initialShare;
  let debtMs = 0;
  return {
    setShare(next) {
      share = next;
      if (share >= 1) debtMs = 0;
    },
    worked(ms) {
      if (share < 1) debtMs = Math.min(MAX_REST_DEBT_MS, debtMs + ms * (1 / share - 1));
    },
    rested(ms) {
      // A host that woke late has rested in advance, within bounds.
      debtMs = Math.max(-MAX_REST_DEBT_MS, debtMs - ms);
    },
    dueMs: () => (share < 1 && debtMs >= MIN_REST_MS ? debtMs : 0),
  };
}
