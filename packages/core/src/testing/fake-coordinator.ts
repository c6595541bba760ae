import { FAKE_STAGE } from './fake-completions.ts';
import type { CoordinatorEvent, CoordinatorRequest, Coordinator } from '../inference/coordinator-types.ts';

export type FakeRun = (request: CoordinatorRequest, signal: AbortSignal) => AsyncIterable<CoordinatorEvent>;

/** Records every request and how its run ended; answers as its script says, until the signal is aborted. */
export class FakeCoordinator implements Coordinator {
  readonly requests: CoordinatorRequest[] = [];
  /** Events the consumer took. */
  pulled = 0;
  /** Runs that are not over. */
  running = 0;
  /** Runs whose signal was aborted. */
  aborted = 0;
  script: FakeRun;

  constructor(script: FakeRun = givingTokens([])) {
    this.script = script;
  }

  async *run(request: CoordinatorRequest, { signal }: { signal: AbortSignal }): AsyncGenerator<CoordinatorEvent> {
    this.requests.push(request);
    this.running += 1;
    signal.addEventListener('abort', () => (this.aborted += 1), { once: true });
    try {
      for await (const event of this.script(request, signal)) {
        signal.throwIfAborted();
        this.pulled += 1;
        yield event;
      }
    } finally {
      this.running -= 1;
    }
  }
}

export const coordinatorRoute = (attempt = 1): CoordinatorEvent => ({ type: 'route', stages: [FAKE_STAGE], attempt });

export const coordinatorEnd = (reason: 'stop' | 'length' = 'stop'): CoordinatorEvent => ({
  type: 'end',
  reason,
  timing: { queuedMs: 1, prefillMs: 2, decodeMs: 3 },
  failovers: 0,
  reports: [],
});

/** Gives these tokens, at most as many as were asked for. */
export function givingTokens(tokens: readonly number[]): FakeRun {
  return async function* give({ maxTokens }) {
    yield coordinatorRoute();
    yield { type: 'progress', state: 'prefill', done: 1, total: 1 };
    for (const token of tokens.slice(0, maxTokens)) yield { type: 'token', token };
    yield coordinatorEnd(tokens.length > maxTokens ? 'length' : 'stop');
  };
}
