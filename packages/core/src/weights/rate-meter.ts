import { RATE_WINDOW_MS } from './constants.ts';
import type { Clock } from '../clock.ts';

/** Slots of the window: old bytes leave it a fifth of a second at a time. */
const SLOTS = 25;
const SLOT_MS = RATE_WINDOW_MS / SLOTS;

/** Bytes per second over the last `RATE_WINDOW_MS`, or since the first bytes where that is less. */
export class RateMeter {
  readonly #clock: Clock;
  readonly #slots = new Float64Array(SLOTS);
  #slot = 0;
  #startedMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(bytes: number): void {
    this.#turn();
    this.#startedMs ??= this.#clock.now();
    this.#slots[this.#slot % SLOTS]! += bytes;
  }

  bytesPerSecond(): number {
    this.#turn();
    if (this.#startedMs === undefined) return 0;
    const ms = Math.min(RATE_WINDOW_MS, Math.max(SLOT_MS, this.#clock.now() - this.#startedMs));
    return (this.#slots.reduce((sum, bytes) => sum + bytes, 0) * 1_000) / ms;
  }

  #turn(): void {
    const now = Math.floor(this.#clock.now() / SLOT_MS);
    for (let slot = Math.max(this.#slot + 1, now - SLOTS + 1); slot <= now; slot++) this.#slots[slot % SLOTS] = 0;
    this.#slot = Math.max(this.#slot, now);
  }
}
