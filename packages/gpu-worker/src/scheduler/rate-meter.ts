import { RATE_WINDOW_SECONDS } from './constants.ts';

/** Tokens per second of work over the last `RATE_WINDOW_SECONDS`, in constant memory. */
export interface RateMeter {
  record(nowMs: number, tokens: number, busyMs: number): void;
  tokensPerSecond(nowMs: number): number;
}

export function createRateMeter(): RateMeter {
  const seconds = new Float64Array(RATE_WINDOW_SECONDS).fill(-1);
  const tokensOf = new Float64Array(RATE_WINDOW_SECONDS);
  const busyOf = new Float64Array(RATE_WINDOW_SECONDS);
  return {
    record(nowMs, tokens, busyMs) {
      const second = Math.floor(nowMs / 1000);
      const slot = second % RATE_WINDOW_SECONDS;
      if (seconds[slot] !== second) {
        seconds[slot] = second;
        tokensOf[slot] = 0;
        busyOf[slot] = 0;
      }
      tokensOf[slot]! += tokens;
      busyOf[slot]! += busyMs;
    },
    tokensPerSecond(nowMs) {
      const oldest = Math.floor(nowMs / 1000) - RATE_WINDOW_SECONDS + 1;
      let tokens = 0;
      let busyMs = 0;
      for (let slot = 0; slot < RATE_WINDOW_SECONDS; slot++) {
        if (seconds[slot]! < oldest) continue;
        tokens += tokensOf[slot]!;
        busyMs += busyOf[slot]!;
      }
      return busyMs > 0 ? (tokens * 1000) / busyMs : 0;
    },
  };
}
