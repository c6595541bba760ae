import { describe, expect, it } from 'vitest';
import type { CompletionEvent, CompletionRequest, Completions } from '@opengateway/core';
import { startAnswer } from './answer.ts';

const request = {} as CompletionRequest;

const end: CompletionEvent = {
  type: 'end',
  reason: 'stop',
  usage: { promptTokens: 3, completionTokens: 0 },
  timing: { queuedMs: 0, prefillMs: 0, decodeMs: 0 },
  failovers: 0,
  reports: [],
};

const saying = (...events: CompletionEvent[]): Completions => ({
  async *run() {
    yield* events;
  },
});

const collect = async (completions: Completions) => {
  const { signal } = new AbortController();
  const { routes, events } = await startAnswer(completions, [request], { signal });
  const all: string[] = [];
  for await (const { event } of events) all.push(event.type);
  return { routes, all };
};

describe('an answer until its route', () => {
  it('keeps an end that comes before any route', async () => {
    const queued: CompletionEvent = { type: 'progress', state: 'queued', done: 0, total: 1 };
    expect(await collect(saying(queued, end))).toEqual({ routes: [[]], all: ['end'] });
  });

  it('keeps what comes after the first route', async () => {
    const route: CompletionEvent = { type: 'route', stages: [], attempt: 1, promptTokens: 3 };
    expect(await collect(saying(route, end))).toEqual({ routes: [[]], all: ['end'] });
  });
});
