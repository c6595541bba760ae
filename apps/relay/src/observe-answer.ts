import type { ChoiceEvent } from '@opengateway/core';
import type { Logger } from 'pino';
import type { CompletionRate } from './completion-rate.ts';
import type { Metrics } from './metrics.ts';

export interface ObserveOptions {
  readonly metrics: Metrics;
  readonly rate: CompletionRate;
  readonly log: Logger;
  readonly model: string;
  /** When the request came, on `performance.now()`'s clock. */
  readonly startedMs: number;
}

/** Passes an answer's events on, counting and timing them; logs one line per finished choice. */
export async function* observeAnswer(
  events: AsyncIterable<ChoiceEvent>,
  { metrics, rate, log, model, startedMs }: ObserveOptions,
): AsyncGenerator<ChoiceEvent, void, undefined> {
  let firstTextMs: number | undefined;
  for await (const choiceEvent of events) {
    const { choice, event } = choiceEvent;
    if (event.type === 'text-delta' && firstTextMs === undefined) {
      firstTextMs = performance.now() - startedMs;
      metrics.timeToFirstToken.observe(firstTextMs / 1000);
    } else if (event.type === 'end') {
      rate.note();
      const { usage, timing, failovers, reason } = event;
      metrics.promptTokens.inc({ model }, choice === 0 ? usage.promptTokens : 0);
      metrics.completionTokens.inc({ model }, usage.completionTokens);
      metrics.failovers.inc(failovers);
      if (timing.decodeMs > 0) metrics.tokensPerSecond.observe((usage.completionTokens * 1000) / timing.decodeMs);
      log.info(
        { model, choice, reason, failovers, ...usage, ...timing, firstTextMs: Math.round(firstTextMs ?? 0) },
        'answer',
      );
    }
    yield choiceEvent;
  }
}
