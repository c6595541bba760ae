import { SSE_DONE, sseComment, sseData, toHttpFailure } from '@opengateway/core';
import { describeStage } from './answer.ts';
import type { ChoiceEvent, ChunkWriter } from '@opengateway/core';

export interface AnswerLinesOptions {
  readonly choices: number;
  readonly keepAliveMs: number;
  /** Told of a failure that ends the stream. */
  readonly onFailure: (error: unknown) => void;
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
    for await (const event of withKeepAlive(events, keepAliveMs)) {
      const line = event === 'idle' ? sseComment('keep-alive') : eventLine(event, writer);
      if (line !== undefined) yield line;
    }
  } catch (error) {
    onFailure(error);
    yield sseData(toHttpFailure(error).body);
    return;
  }
  const usage = writer.usage();
  if (usage !== undefined) yield sseData(usage);
  yield SSE_DONE;
}

function eventLine(event: ChoiceEvent, writer: ChunkWriter): string | undefined {
  const { event: inner } = event;
  if (inner.type === 'progress') {
    const waits = inner.state === 'queued' && inner.done > 0;
    return waits ? sseComment(`queued, ${inner.done} ahead`) : undefined;
  }
  if (inner.type === 'route')
    return sseComment(`route ${JSON.stringify(inner.stages.map((stage) => describeStage(stage)))}`);
  const chunk = writer.write(event);
  return chunk === undefined ? undefined : sseData(chunk);
}

/** Gives `'idle'` whenever the source was silent for `idleMs`. */
async function* withKeepAlive<T>(
  source: AsyncIterable<T>,
  idleMs: number,
): AsyncGenerator<T | 'idle', void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let finished = false;
  try {
    for (;;) {
      const next = iterator.next();
      for (;;) {
        const result = await orIdle(next, idleMs);
        if (result === 'idle') {
          yield 'idle';
          continue;
        }
        if (result.done === true) {
          finished = true;
          return;
        }
        yield result.value;
        break;
      }
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
