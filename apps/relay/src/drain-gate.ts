import { CLOSE_TIMEOUT_MS, MAX_ACTIVE_ANSWERS } from './constants.ts';
import { ServerStoppingError, TooManyAnswersError } from './errors.ts';

/** Counts running answers, so that a stop can let them finish and turn new ones away. */
export class DrainGate {
  readonly #maximum: number;
  readonly #cut = new AbortController();
  #active = 0;
  #stopping = false;
  #onIdle: (() => void) | undefined;

  constructor(maximum = MAX_ACTIVE_ANSWERS) {
    this.#maximum = maximum;
  }

  get active(): number {
    return this.#active;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Aborted when running answers must end now. */
  get signal(): AbortSignal {
    return this.#cut.signal;
  }

  /**
   * Admits one answer; returns what says that it ended (calling it again does nothing).
   *
   * @throws ServerStoppingError, TooManyAnswersError.
   */
  enter(): () => void {
    if (this.#stopping) throw new ServerStoppingError();
    if (this.#active >= this.#maximum) throw new TooManyAnswersError(this.#maximum);
    this.#active += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#active -= 1;
      if (this.#active === 0) this.#onIdle?.();
    };
  }

  /** Admits no more. */
  close(): void {
    this.#stopping = true;
  }

  /**
   * Closes, and resolves when every answer has ended. After `timeoutMs` those left are aborted, and after
   * `CLOSE_TIMEOUT_MS` more no longer waited for.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.close();
    if (this.#active === 0) return;
    const over = Promise.withResolvers<void>();
    this.#onIdle = over.resolve;
    const cut = setTimeout(() => this.#cut.abort(new ServerStoppingError()), timeoutMs);
    const giveUp = setTimeout(over.resolve, timeoutMs + CLOSE_TIMEOUT_MS);
    await over.promise;
    clearTimeout(cut);
    clearTimeout(giveUp);
  }
}
