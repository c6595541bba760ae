import { UPLOAD_BURST_MS } from './constants.ts';
import type { Clock } from '../clock.ts';

/** Holds what is sent to all peers together under a rate. */
export interface UploadLimit {
  bytesPerSecond(): number;
  /** From now on; `Infinity` lifts it. */
  set(bytesPerSecond: number): void;
  /** Resolves when `bytes` may be sent: who asks first goes first, so that who asks piece by piece gets even shares. */
  take(bytes: number, signal: AbortSignal): Promise<void>;
}

/** A token bucket whose waiters have their times set when they come: no queue, no timer but their own. */
export function createUploadLimit({ clock }: { readonly clock: Clock }, initialBytesPerSecond: number): UploadLimit {
  let rate = initialBytesPerSecond;
  let freeAtMs = clock.now() - UPLOAD_BURST_MS;
  return {
    bytesPerSecond: () => rate,
    set(bytesPerSecond) {
      rate = bytesPerSecond;
      freeAtMs = Math.min(freeAtMs, clock.now());
    },
    async take(bytes, signal) {
      signal.throwIfAborted();
      const nowMs = clock.now();
      const waitMs = Math.max(freeAtMs, nowMs - UPLOAD_BURST_MS) - nowMs;
      freeAtMs = nowMs + waitMs + (bytes / rate) * 1_000;
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    },
  };
}
