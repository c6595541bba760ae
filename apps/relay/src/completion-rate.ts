import {
  DEFAULT_RETRY_SECONDS,
  ENDS_WINDOW_MS,
  MAX_REMEMBERED_ENDS,
  MAX_RETRY_SECONDS,
  MIN_RETRY_SECONDS,
} from './constants.ts';
import type { Clock } from '@opengateway/core';

/** How fast answers end, and with them places become free. */
export class CompletionRate {
  readonly #clock: Pick<Clock, 'now'>;
  /** Of the last answers, oldest first. */
  readonly #endsMs: number[] = [];

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** An answer has ended. */
  note(): void {
    this.#endsMs.push(this.#clock.now());
    if (this.#endsMs.length > MAX_REMEMBERED_ENDS) this.#endsMs.shift();
  }

  /** Ends per second over the last minute; undefined where fewer than two were seen. */
  perSecond(): number | undefined {
    const nowMs = this.#clock.now();
    const recent = this.#endsMs.filter((endMs) => nowMs - endMs <= ENDS_WINDOW_MS);
    const [first = nowMs] = recent;
    if (recent.length < 2 || nowMs === first) return undefined;
    return (recent.length * 1000) / (nowMs - first);
  }

  /** Whole seconds until `waiting` requests and one more will have got a place, within bounds. */
  retryAfterSeconds(waiting: number): number {
    const perSecond = this.perSecond();
    if (perSecond === undefined) return DEFAULT_RETRY_SECONDS;
    return Math.min(MAX_RETRY_SECONDS, Math.max(MIN_RETRY_SECONDS, Math.ceil((waiting + 1) / perSecond)));
  }
}
