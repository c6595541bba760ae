import type { Clock } from '../clock.ts';
import { withDeadline } from '../wire/deadline.ts';
import { raceAbort } from '../wire/race-abort.ts';
import { CHAIN_FIRST_WORD_TIMEOUT_MS, FIRST_WORD_TIMEOUT_MS } from './constants.ts';
import { SessionCancelledError, StageSilentError } from './errors.ts';
import type { SilenceDeadline } from './silence-deadline.ts';
import type { StageEvent, StageSession } from './stage-session.ts';

/** What one of the stages said, or how it was lost. */
export type StageWord =
  | {
      readonly index: number;
      readonly event: StageEvent;
      /** Whether the stage had said `accepted` before. */
      readonly accepted: boolean;
    }
  | { readonly index: number; readonly error: unknown };

export interface StageGroupInit {
  readonly clock: Clock;
  /** How long each stage may be silent once it was accepted. */
  readonly silences: readonly SilenceDeadline[];
  /** Opens the session of one stage; aborting the signal ends it. */
  open(index: number, options: { signal: AbortSignal }): Promise<StageSession>;
}

/** The sessions of one attempt, heard as one: the coordinator's ends of a chain, or of a single stage. */
export class StageGroup {
  readonly #init: StageGroupInit;
  readonly #sessions: readonly StageSession[];
  /** What each stage says next; null where nothing more is expected of it. */
  readonly #next: (Promise<StageWord> | null)[];
  /** How long each has been waited for since its last word. Time in which nobody waited does not count. */
  readonly #waitedMs: number[];
  readonly #accepted: boolean[];

  constructor(init: StageGroupInit, signal: AbortSignal) {
    this.#init = init;
    this.#sessions = init.silences.map((_, index) =>
      openLazily((ended) => init.open(index, { signal: ended }), signal),
    );
    this.#next = this.#sessions.map((_, index) => this.#listen(index));
    this.#waitedMs = this.#sessions.map(() => 0);
    this.#accepted = this.#sessions.map(() => false);
  }

  accepted(index: number): boolean {
    return this.#accepted[index] === true;
  }

  /** Whether it may say more: its session was not lost, nor did it say that it ends. */
  expects(index: number): boolean {
    return this.#next[index] !== null;
  }

  /** Asks every stage to tell what it took. */
  finish(): void {
    for (const session of this.#sessions) session.finish();
  }

  /** Ends every session at once. Idempotent. */
  close(): void {
    for (const session of this.#sessions) session.close();
  }

  /**
   * The next word of any stage, `stage_silent` for one that has been silent for too long, or undefined after
   * `mostMs`. One call at a time. @throws the signal's reason
   */
  async next(mostMs: number, signal: AbortSignal): Promise<StageWord | undefined> {
    const { clock } = this.#init;
    const sinceMs = clock.now();
    const silence = this.#nextSilence();
    const word = await this.#hear(Math.min(mostMs, silence.leftMs), signal);
    const waitedMs = clock.now() - sinceMs;
    for (let index = 0; index < this.#waitedMs.length; index++) this.#waitedMs[index]! += waitedMs;
    if (word === undefined) {
      if (silence.leftMs > mostMs) return undefined;
      this.#next[silence.index] = null;
      return { index: silence.index, error: new StageSilentError(silence.timeoutMs) };
    }
    const { index } = word;
    if ('error' in word) {
      this.#next[index] = null;
      return word;
    }
    this.#init.silences[index]?.observe(this.#waitedMs[index] ?? 0);
    this.#waitedMs[index] = 0;
    const accepted = this.accepted(index);
    if (word.event.type === 'accepted') this.#accepted[index] = true;
    const isOver = word.event.type === 'error' || word.event.type === 'leaving';
    this.#next[index] = isOver ? null : this.#listen(index);
    return { ...word, accepted };
  }

  async #listen(index: number): Promise<StageWord> {
    try {
      return { index, event: await (this.#sessions[index] as StageSession).next(), accepted: false };
    } catch (error) {
      return { index, error };
    }
  }

  #nextSilence(): { index: number; leftMs: number; timeoutMs: number } {
    const firstWordMs = this.#sessions.length === 1 ? FIRST_WORD_TIMEOUT_MS : CHAIN_FIRST_WORD_TIMEOUT_MS;
    let next = { index: -1, leftMs: Infinity, timeoutMs: Infinity };
    for (const [index, silence] of this.#init.silences.entries()) {
      if (this.#next[index] === null) continue;
      const timeoutMs = this.#accepted[index] === true ? silence.timeoutMs() : firstWordMs;
      const leftMs = Math.max(0, timeoutMs - (this.#waitedMs[index] ?? 0));
      if (leftMs < next.leftMs) next = { index, leftMs, timeoutMs };
    }
    return next;
  }

  async #hear(ms: number, signal: AbortSignal): Promise<StageWord | undefined> {
    signal.throwIfAborted();
    const late = new SessionCancelledError();
    const words = this.#next.filter((word) => word !== null);
    const { clock } = this.#init;
    try {
      return await withDeadline({ clock, ms, error: () => late, signal }, (deadline) =>
        raceAbort(Promise.race(words), deadline),
      );
    } catch (error) {
      if (error === late) return undefined;
      throw error;
    }
  }
}

/** A session whose opening is part of its first word; one that opens after it was closed is closed unseen. */
function openLazily(open: (signal: AbortSignal) => Promise<StageSession>, signal: AbortSignal): StageSession {
  const closed = new AbortController();
  let session: StageSession | undefined;
  const opening = (async () => {
    session = await open(AbortSignal.any([signal, closed.signal]));
    if (closed.signal.aborted) session.close();
    return session;
  })();
  opening.catch(() => {}); // told by `next`
  return {
    next: async () => (await opening).next(),
    finish: () => session?.finish(),
    close() {
      closed.abort(new SessionCancelledError());
      session?.close();
    },
  };
}
