import { batch, signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import { INTERNAL_ERROR_CODE, errorCode } from '@opengateway/core';
import { ANSWER_PAINT_INTERVAL_MS, ANSWER_SAVE_INTERVAL_MS, MAX_ANSWER_CHARS } from '../constants.ts';
import { continued } from './transcript.ts';
import type { AnswerEvent } from '../api/answer-events.ts';
import type { AnswerReport, StoredFailure, StoredMessage } from '../storage/schema.ts';

type Draft<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** What an answer waits for before its first text. */
export type Waiting = Omit<Extract<AnswerEvent, { type: 'waiting' }>, 'type'>;

/** A message on the screen; while it is written its signals change, nothing else is drawn again. */
export interface LiveMessage {
  readonly id: string;
  readonly message: Signal<StoredMessage>;
  readonly waiting: Signal<Waiting | null>;
}

const ASKING: Waiting = { state: 'asking', done: 0, total: 0 };

export const liveMessage = (message: StoredMessage): LiveMessage => ({
  id: message.id,
  message: signal(message),
  waiting: signal<Waiting | null>(null),
});

/**
 * Writes an answer into its message as it arrives, and into the store often enough for a reload.
 *
 * Never rejects: a failure or the signal's abort becomes the message's status.
 */
export async function writeAnswer(
  components: { now: () => number; save: (message: StoredMessage) => Promise<void> },
  live: LiveMessage,
  by: AnswerReport['by'],
  events: AsyncIterable<AnswerEvent>,
  abort: AbortSignal,
): Promise<void> {
  const { now, save } = components;
  const started = now();
  const kept = live.message.value.content;
  let text = '';
  let routes = 0;
  const report: Draft<AnswerReport> = {
    by,
    stages: [],
    promptTokens: null,
    completionTokens: null,
    firstTextMs: null,
    totalMs: null,
    failovers: 0,
    reason: null,
  };
  let painted = 0;
  let saved = now();
  const show = (change: Partial<StoredMessage> = {}) => {
    painted = now();
    live.message.value = { ...live.message.value, content: continued(kept, text), report: { ...report }, ...change };
  };

  live.waiting.value = ASKING;
  let end: Partial<StoredMessage>;
  try {
    for await (const event of events) {
      if (event.type === 'route') {
        report.stages = event.stages;
        if (event.here !== undefined) report.here = event.here;
        if (text === '') live.waiting.value = ASKING;
        routes += 1;
        report.failovers = routes - 1;
        show();
      } else if (event.type === 'waiting') live.waiting.value = event;
      else if (event.type === 'text-delta') {
        report.lastTextMs = now() - started;
        report.firstTextMs ??= report.lastTextMs;
        live.waiting.value = null;
        text = (text + event.text).slice(0, MAX_ANSWER_CHARS);
        if (now() - painted >= ANSWER_PAINT_INTERVAL_MS) show();
        if (now() - saved >= ANSWER_SAVE_INTERVAL_MS) {
          saved = now();
          show();
          await save(live.message.value);
        }
      } else {
        report.reason = event.reason;
        report.promptTokens = event.promptTokens;
        report.completionTokens = event.completionTokens;
        report.failovers = Math.max(report.failovers, event.failovers);
        if (event.reports !== undefined) report.reports = event.reports;
      }
    }
    report.totalMs = now() - started;
    // The answer is over: what was kept of an earlier try no longer counts.
    end = { status: 'complete', content: text };
  } catch (error) {
    report.totalMs = now() - started;
    end = abort.aborted ? { status: 'stopped' } : { status: 'failed', error: describe(error) };
  }
  batch(() => {
    live.waiting.value = null;
    show(end);
  });
  await save(live.message.value);
}

function describe(error: unknown): StoredFailure {
  const { retryAfterSeconds } = (error ?? {}) as { retryAfterSeconds?: unknown };
  return {
    code: errorCode(error) ?? INTERNAL_ERROR_CODE,
    message: error instanceof Error ? error.message : String(error),
    ...(typeof retryAfterSeconds === 'number' ? { retryAfterSeconds } : {}),
  };
}
