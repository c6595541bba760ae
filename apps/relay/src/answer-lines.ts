import { SSE_DONE, sseComment, sseData, toHttpFailure } from '@opengateway/core';
import { describeStage } from './answer.ts';
import type { ChoiceEvent, ChunkWriter } from '@opengateway/core';

export interface AnswerLinesOptions {
  readonly choices: number;
  readonly keepAliveMs: number;
  /** Told of a failure that ends the stream; returns what the client is to know of it. */
  readonly onFailure: (error: unknown) => unknown;
}

/**
 * Writes an answer as server-sent events: role, deltas, finish, usage, `[DONE]`; comments while it waits.
 *
 * A failure becomes an error event in OpenAI's form and ends the stream without `[DONE]`.
 */
export async function* answerLines(
  events: AsyncIterable<ChoiceEvent>,
  writer: ChunkWriter,
  { choices, keepAliveMs, onFailure }: AnswerLinesOptions,
): AsyncGenerator<string, void, undefined> {
  for (let choice = 0; choice < choices; choice += 1) yield sseData(writer.role(choice));
  try {
    yield* withKeepAlive(eventLines(events, writer), keepAliveMs);
  } catch (error) {
    yield sseData(toHttpFailure(onFailure(error)).body);
    return;
  }
  const usage = writer.usage();
  if (usage !== undefined) yield sseData(usage);
  yield SSE_DONE;
}

async function* eventLines(events: AsyncIterable<ChoiceEvent>, writer: ChunkWriter) {
  for await (const event of events) yield eventLine(event, writer);
}

function eventLine(event: ChoiceEvent, writer: ChunkWriter): string | undefined {
  const { event: inner } = event;
  if (inner.type === 'progress') {
    return inner.state === 'queued' ? sseComment(`queued, ${inner.done} ahead`) : undefined;
  }
  if (inner.type === 'route')
    return sseComment(`route ${JSON.stringify(inner.stages.map((stage) => describeStage(stage)))}`);
  const chunk = writer.write(event);
  return chunk === undefined ? undefined : sseData(chunk);
}

/**
 * Passes lines on and writes a comment whenever none was written for `idleMs`: events that write nothing, such
 * as the progress of a long prefill, keep no connection open.
 */
async function* withKeepAlive(
  source: AsyncIterable<string | undefined>,
  idleMs: number,
): AsyncGenerator<string, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let writtenMs = performance.now();
  let finished = false;
  try {
    let next: Promise<IteratorResult<string | undefined>> | undefined;
    for (;;) {
      next ??= iterator.next();
      const result = await orIdle(next, Math.max(0, writtenMs + idleMs - performance.now()));
      if (result !== 'idle') {
        finished = result.done === true;
        if (result.done === true) return;
        next = undefined;
      }
      const line = result === 'idle' ? undefined : result.value;
      const due = performance.now() - writtenMs >= idleMs;
      if (line === undefined && !due) continue;
      yield line ?? sseComment('keep-alive');
      writtenMs = performance.now();
    }
  } finally {
    if (!finished) void iterator.return?.().catch(() => undefined);
  }
}

async function orIdle<T>(next: Promise<T>, idleMs: number): Promise<T | 'idle'> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const idle = new Promise<'idle'>((resolve) => {
    timer = setTimeout(resolve, idleMs, 'idle');
  });
  try {
    return await Promise.race([next, idle]);
  } finally {
    clearTimeout(timer);
  }
}
