/** What this browser has given to others today. */
export interface Given {
  /** Local date, `2026-11-21`. */
  readonly day: string;
  readonly tokens: number;
  readonly requests: number;
}

const STORAGE_KEY = 'opengateway-given';

/** Today's account, kept over reloads; yesterday's is dropped. */
export function readGiven(storage: Pick<Storage, 'getItem'>, day: string): Given {
  const empty: Given = { day, tokens: 0, requests: 0 };
  try {
    const stored = JSON.parse(storage.getItem(STORAGE_KEY) ?? 'null') as Partial<Given> | null;
    if (stored?.day !== day || !isCount(stored.tokens) || !isCount(stored.requests)) return empty;
    return { day, tokens: stored.tokens, requests: stored.requests };
  } catch {
    // Something else wrote there: counting starts anew.
    return empty;
  }
}

export function writeGiven(storage: Pick<Storage, 'setItem'>, given: Given): void {
  try {
    storage.setItem(STORAGE_KEY, JSON.stringify(given));
  } catch {
    // Full or forbidden storage costs only the count over reloads.
  }
}

/** `given` plus what a run's counters grew by; a counter that fell belongs to a new run. */
export function addGrowth(
  given: Given,
  day: string,
  before: { tokensServed: number; requestsServed: number },
  after: { tokensServed: number; requestsServed: number },
): Given {
  const base = given.day === day ? given : { day, tokens: 0, requests: 0 };
  return {
    day,
    tokens: base.tokens + grown(before.tokensServed, after.tokensServed),
    requests: base.requests + grown(before.requestsServed, after.requestsServed),
  };
}

/** Local date of a moment, as `Given.day` has it. */
export function dayOf(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const grown = (from: number, to: number): number => (to >= from ? to - from : to);
const two = (value: number): string => String(value).padStart(2, '0');
