import type { CompletionEvent, CompletionRequest, Completions } from '../completion/types.ts';
import type { PeerName } from '../ids.ts';
import type { RouteStage } from '../inference/coordinator-types.ts';

/** What a fake answer does, step by step. */
export type FakeScript = (request: CompletionRequest, signal: AbortSignal) => AsyncIterable<CompletionEvent>;

/** Records every request and how it ended; answers as its script says. */
export class FakeCompletions implements Completions {
  readonly requests: CompletionRequest[] = [];
  /** Values pulled from the scripts so far. */
  pulled = 0;
  /** Answers being computed now. */
  running = 0;
  /** Answers whose signal was aborted. */
  aborted = 0;
  script: FakeScript;

  constructor(script: FakeScript = answering('Hello', ' there')) {
    this.script = script;
  }

  async *run(request: CompletionRequest, options: { signal: AbortSignal }): AsyncGenerator<CompletionEvent> {
    this.requests.push(request);
    this.running += 1;
    options.signal.addEventListener('abort', () => (this.aborted += 1), { once: true });
    try {
      for await (const event of this.script(request, options.signal)) {
        options.signal.throwIfAborted();
        this.pulled += 1;
        yield event;
      }
    } finally {
      this.running -= 1;
    }
  }
}

export const FAKE_STAGE: RouteStage = {
  peer: '12D3KooWFake' as PeerName,
  engine: 'wasm',
  layers: { start: 0, end: 30 },
};

export const routeEvent = (promptTokens = 5): CompletionEvent => ({
  type: 'route',
  stages: [FAKE_STAGE],
  attempt: 1,
  promptTokens,
});

export const textEvent = (text: string): CompletionEvent => ({ type: 'text-delta', text, tokens: 1, logprobs: [] });

export const endEvent = (completionTokens: number, reason: 'stop' | 'length' = 'stop'): CompletionEvent => ({
  type: 'end',
  reason,
  usage: { promptTokens: 5, completionTokens },
  timing: { queuedMs: 0, prefillMs: 1, decodeMs: 1 },
  failovers: 0,
  reports: [],
});

/** Answers with these pieces of text. */
export function answering(...pieces: readonly string[]): FakeScript {
  return async function* answer() {
    yield routeEvent();
    for (const piece of pieces) yield textEvent(piece);
    yield endEvent(pieces.length);
  };
}

/** Fails before the first event. */
export function failing(reason: Error): FakeScript {
  return async function* fail() {
    yield await Promise.reject<CompletionEvent>(reason);
  };
}

/** Gives `piece`, then fails. */
export function failingAfter(piece: string, reason: Error): FakeScript {
  return async function* fail() {
    yield routeEvent();
    yield textEvent(piece);
    throw reason;
  };
}

/** Gives these pieces, then waits until it is aborted. */
export function hanging(...pieces: readonly string[]): FakeScript {
  return async function* hang(_request, signal) {
    yield routeEvent();
    for (const piece of pieces) yield textEvent(piece);
    await new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  };
}

/** Gives `piece` for as long as it is asked for more. */
export function endless(piece: string): FakeScript {
  return async function* repeat() {
    yield routeEvent();
    for (;;) yield textEvent(piece);
  };
}
