import { raceAbort } from '../wire/race-abort.ts';
import { clampLogprobs } from './clamp-logprobs.ts';
import { GENERATOR_SILENCE_TIMEOUT_MS } from './constants.ts';
import { CoordinatorLine } from './coordinator-line.ts';
import type { CoordinatorLineComponents } from './coordinator-line.ts';
import { EngineSilentError } from './errors.ts';
import { HEARTBEAT_MS } from './generator.ts';
import type { GenerateEvent, GenerateRequest, Generator } from './generator.ts';
import type { StageMessage } from './messages.ts';

export interface RunningSessionComponents extends CoordinatorLineComponents {
  readonly generator: Generator;
}

/** The part of a session in which the generator works. */
export class RunningSession {
  readonly #components: RunningSessionComponents;
  readonly #request: GenerateRequest;
  readonly #line: CoordinatorLine;
  #accepted = false;
  #state: Extract<StageMessage, { type: 'progress' }>;

  constructor(components: RunningSessionComponents, request: GenerateRequest, credit: number) {
    this.#components = components;
    this.#request = request;
    this.#line = new CoordinatorLine(components, credit);
    this.#state = { type: 'progress', state: 'queued', done: 0, total: 1 };
  }

  async run(): Promise<void> {
    const { generator, stop } = this.#components;
    const control = new AbortController();
    const reading = this.#line.read(control.signal);
    const iterator = generator.generate(this.#request, { signal: stop.signal })[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { value, done } = await this.#withHeartbeats(iterator.next());
        stop.signal.throwIfAborted();
        if (done === true) throw new EngineSilentError();
        await this.#forward(value);
        if (value.type === 'end') return;
        await this.#line.waitForCredit();
      }
    } finally {
      // Not awaited: a generator in the middle of a step settles when it can, the peer need not wait.
      iterator.return?.().catch(() => {}); // the session has its own outcome by now
      control.abort();
      await reading;
    }
  }

  async #forward(event: GenerateEvent): Promise<void> {
    if (!this.#accepted) {
      this.#accepted = true;
      await this.#line.send({ type: 'accepted' });
    }
    if (event.type === 'token') {
      this.#line.spendCredit();
      this.#state = { type: 'progress', state: 'decode', done: 0, total: 0 };
      const { token, logprobs } = event;
      await this.#line.send(
        logprobs === undefined ? { type: 'token', token } : { type: 'token', token, logprobs: clampLogprobs(logprobs) },
      );
      return;
    }
    if (event.type === 'progress') this.#state = event;
    await this.#line.send(event);
  }

  /** Awaits the generator's next event, telling the coordinator every `HEARTBEAT_MS` that this side lives. */
  async #withHeartbeats<Value>(next: Promise<Value>): Promise<Value> {
    const { clock, stop } = this.#components;
    const settled = new AbortController();
    const outcome = raceAbort(next, stop.signal);
    const beating = (async () => {
      for (let silentMs = HEARTBEAT_MS; ; silentMs += HEARTBEAT_MS) {
        await clock.sleep(HEARTBEAT_MS, settled.signal);
        if (silentMs >= GENERATOR_SILENCE_TIMEOUT_MS) throw new EngineSilentError();
        if (this.#accepted) await this.#line.send(this.#state);
      }
    })();
    try {
      return await Promise.race([outcome, beating as Promise<never>]);
    } finally {
      settled.abort();
      outcome.catch(() => {}); // the race is decided
      beating.catch(() => {}); // ended by the line above
    }
  }
}
