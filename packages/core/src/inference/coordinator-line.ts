import type { Clock } from '../clock.ts';
import { withDeadline } from '../wire/deadline.ts';
import { MAX_COORDINATOR_MESSAGE_BYTES } from '../wire/limits.ts';
import type { MessageChannel } from '../wire/message-channel.ts';
import { raceAbort } from '../wire/race-abort.ts';
import { MAX_CREDIT_TOKENS, STALLED_READER_TIMEOUT_MS } from './constants.ts';
import { ProtocolViolationError, ReaderStalledError, SessionCancelledError } from './errors.ts';
import { coordinatorMessageSchema } from './messages.ts';
import type { StageMessage } from './messages.ts';

export interface CoordinatorLineComponents {
  readonly channel: MessageChannel;
  readonly clock: Clock;
  /** Ends the session from the stage's side; its reason is what the coordinator is told. */
  readonly stop: AbortController;
}

/** What a stage says to its coordinator and hears from it while a session runs. */
export class CoordinatorLine {
  readonly #components: CoordinatorLineComponents;
  readonly #finished = Promise.withResolvers<void>();
  #credit: number;
  #creditGiven = Promise.withResolvers<void>();

  constructor(components: CoordinatorLineComponents, credit: number) {
    this.#components = components;
    this.#credit = credit;
  }

  /** Resolves when the coordinator says that the answer is complete. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Sends one message. @throws `reader_stalled` where it is not taken in time, what ended the session */
  async send(message: StageMessage): Promise<void> {
    const { channel, clock, stop } = this.#components;
    const sending = channel.send(message);
    await withDeadline(
      { clock, ms: STALLED_READER_TIMEOUT_MS, error: () => new ReaderStalledError(), signal: stop.signal },
      (signal) => raceAbort(sending, signal),
    );
  }

  /** Counts a token told against the credit. */
  spendCredit(): void {
    this.#credit -= 1;
  }

  /** Resolves when there is credit. @throws `reader_stalled` */
  async waitForCredit(): Promise<void> {
    if (this.#credit > 0) return;
    const { clock, stop } = this.#components;
    await withDeadline(
      { clock, ms: STALLED_READER_TIMEOUT_MS, error: () => new ReaderStalledError(), signal: stop.signal },
      async (signal) => {
        while (this.#credit === 0) await raceAbort(this.#creditGiven.promise, signal);
      },
    );
  }

  /**
   * Resolves when the coordinator says that the answer is complete, once all of it was told. As long as it gives
   * credit it is still reading. @throws `reader_stalled`
   */
  async waitForFinish(): Promise<void> {
    const { clock, stop } = this.#components;
    const finished = this.finished.then(() => true);
    for (;;) {
      const reading = this.#creditGiven.promise.then(() => false);
      const done = await withDeadline(
        { clock, ms: STALLED_READER_TIMEOUT_MS, error: () => new ReaderStalledError(), signal: stop.signal },
        (signal) => raceAbort(Promise.race([finished, reading]), signal),
      );
      if (done) return;
    }
  }

  /** Hears the coordinator until `signal`; what goes wrong, a `cancel` too, ends the session. */
  async read(signal: AbortSignal): Promise<void> {
    const { channel, stop } = this.#components;
    try {
      for (;;) {
        const message = await channel.receive(coordinatorMessageSchema, {
          maxBytes: MAX_COORDINATOR_MESSAGE_BYTES,
          signal,
        });
        if (message === undefined || message.type === 'cancel') throw new SessionCancelledError();
        if (message.type === 'finish') {
          this.#finished.resolve();
          continue;
        }
        this.#credit += message.tokens;
        if (this.#credit > MAX_CREDIT_TOKENS) throw new ProtocolViolationError('Too much credit.');
        this.#creditGiven.resolve();
        this.#creditGiven = Promise.withResolvers();
      }
    } catch (error) {
      if (!signal.aborted) stop.abort(error);
    }
  }
}
