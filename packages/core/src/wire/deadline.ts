import type { Clock } from '../clock.ts';

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly ms: number;
  /** What the work is aborted with when its time is up. */
  error(): Error;
  readonly signal?: AbortSignal;
}

/** Runs `work` with a signal that is aborted when `ms` are over or the given signal is. */
export async function withDeadline<Value>(
  options: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const { clock, ms, signal } = options;
  const controller = new AbortController();
  const settled = new AbortController();
  const forward = () => controller.abort(signal?.reason);
  if (signal?.aborted) forward();
  signal?.addEventListener('abort', forward, { once: true });
  clock.sleep(ms, settled.signal).then(
    () => controller.abort(options.error()),
    () => {}, // the work settled first
  );
  try {
    return await work(controller.signal);
  } finally {
    settled.abort(SETTLED);
    signal?.removeEventListener('abort', forward);
  }
}

/** Nobody sees it; without one, every deadline that is met would make an exception with its stack. */
const SETTLED = 'settled';
