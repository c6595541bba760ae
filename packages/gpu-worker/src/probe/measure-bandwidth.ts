import { BANDWIDTH_BUDGET_MS, CPU_COPY_BYTES } from './constants.ts';

/** Bytes read plus written per second by copies on this thread, larger than its caches. */
export function measureMemoryBandwidth(now: () => number): number {
  const half = CPU_COPY_BYTES / 2;
  const bytes = new Uint8Array(CPU_COPY_BYTES);
  const copy = () => bytes.copyWithin(half, 0, half);
  // The first pass is the system handing out pages.
  copy();
  const startedMs = now();
  let copies = 0;
  let elapsedMs = 0;
  do {
    copy();
    copies++;
    elapsedMs = now() - startedMs;
  } while (elapsedMs < BANDWIDTH_BUDGET_MS);
  return (2 * half * copies * 1000) / elapsedMs;
}
