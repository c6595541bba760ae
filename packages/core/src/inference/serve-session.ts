import type { Clock } from '../clock.ts';
import { errorCode, toWire } from '../errors.ts';
import { PromptTooLongError } from '../generation/errors.ts';
import type { TokenLogprobs } from '../generation/sampling.ts';
import type { ServedModel } from '../membership/advert.ts';
import { withDeadline } from '../wire/deadline.ts';
import { MAX_COORDINATOR_MESSAGE_BYTES, MAX_OPEN_BYTES, MIN_LOGPROB } from '../wire/limits.ts';
import type { MessageChannel } from '../wire/message-channel.ts';
import { raceAbort } from '../wire/race-abort.ts';
import { unpackTokens } from '../wire/token-ids.ts';
import {
  FIRST_MESSAGE_TIMEOUT_MS,
  GENERATOR_SILENCE_TIMEOUT_MS,
  LEAVE_GRACE_MS,
  MAX_CREDIT_TOKENS,
  STALLED_READER_TIMEOUT_MS,
} from './constants.ts';
import {
  EngineSilentError,
  ModelNotServedError,
  ProtocolViolationError,
  ReaderStalledError,
  SessionCancelledError,
  StageBusyError,
} from './errors.ts';
import { HEARTBEAT_MS } from './generator.ts';
import type { GenerateEvent, GenerateRequest, Generator } from './generator.ts';
import { coordinatorMessageSchema, errorMessage, openSchema } from './messages.ts';
import type { OpenMessage, StageMessage } from './messages.ts';

export interface ServeSessionComponents {
  readonly channel: MessageChannel;
  readonly generator: Generator;
  readonly clock: Clock;
  served(): readonly ServedModel[];
  /** Whether new sessions are taken now. */
  accepting(): boolean;
  /** Ends this session from the stage's side; its reason is what the coordinator is told. */
  readonly stop: AbortController;
}

/** Serves one session from `open` to its end; resolves when nothing of it is left, and never rejects. */
export async function serveSession(components: ServeSessionComponents): Promise<void> {
  const { channel, clock, stop } = components;
  const cancel = () => stop.abort(new SessionCancelledError());
  if (channel.ended.aborted) cancel();
  channel.ended.addEventListener('abort', cancel, { once: true });
  try {
    const open = await withDeadline(
      {
        clock,
        ms: FIRST_MESSAGE_TIMEOUT_MS,
        error: () => new ProtocolViolationError('No complete first message in time.'),
        signal: stop.signal,
      },
      (signal) => channel.receive(openSchema, { maxBytes: MAX_OPEN_BYTES, signal }),
    );
    if (open === undefined) throw new SessionCancelledError();
    const request = validateOpen(open, components);
    await new RunningSession(components, request, open.credit).run();
    channel.ended.removeEventListener('abort', cancel);
    await finish(components, undefined);
  } catch (error) {
    channel.ended.removeEventListener('abort', cancel);
    if (!stop.signal.aborted) stop.abort(error);
    await finish(components, farewell(error));
  }
}

function validateOpen(open: OpenMessage, { served, accepting }: ServeSessionComponents): GenerateRequest {
  if (!accepting()) throw new StageBusyError('This peer takes no new requests now.');
  const [start, end] = open.layers;
  const model = served().find(
    ({ manifest, layers }) => manifest === open.model && layers[0] === start && layers[1] === end,
  );
  if (model === undefined) throw new ModelNotServedError();
  const tokens = unpackTokens(open.tokens);
  if (open.promptTokenCount < 1 || open.promptTokenCount > tokens.length) {
    throw new ProtocolViolationError('The prompt is longer than the tokens sent.');
  }
  if (tokens.length >= model.contextLength) throw new PromptTooLongError(tokens.length, model.contextLength);
  const { promptTokenCount, maxTokens, endTokens, sampling } = open;
  return { tokens, promptTokenCount, maxTokens, endTokens, sampling };
}

/** What to say at the end; undefined where the other side has gone. */
function farewell(error: unknown): StageMessage | undefined {
  const code = errorCode(error);
  if (code === 'session_cancelled') return undefined;
  if (code === 'stage_leaving') return { type: 'leaving' };
  return errorMessage(toWire(error));
}

/** Says the last word if there is one, ends in order, and resets what does not end soon. */
async function finish({ channel, clock, stop }: ServeSessionComponents, last: StageMessage | undefined): Promise<void> {
  const reset = new SessionCancelledError();
  try {
    if (last === undefined && stop.signal.aborted) return;
    await withDeadline({ clock, ms: LEAVE_GRACE_MS, error: () => reset }, async (signal) => {
      if (last !== undefined) await channel.send(last, { signal });
      await channel.close({ signal });
      if (!channel.ended.aborted) await raceAbort(aborted(channel.ended), signal);
    });
  } catch {
    // the stream is gone or does not end in time: the reset below is all that is left to do
  } finally {
    channel.abort(reset);
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** The part of a session in which the generator works. */
class RunningSession {
  readonly #components: ServeSessionComponents;
  readonly #request: GenerateRequest;
  #credit: number;
  #creditGiven = Promise.withResolvers<void>();
  #accepted = false;
  #state: Extract<StageMessage, { type: 'progress' }>;

  constructor(components: ServeSessionComponents, request: GenerateRequest, credit: number) {
    this.#components = components;
    this.#request = request;
    this.#credit = credit;
    this.#state = { type: 'progress', state: 'queued', done: 0, total: 1 };
  }

  async run(): Promise<void> {
    const { generator, stop } = this.#components;
    const control = new AbortController();
    const reading = this.#readControl(control.signal);
    const iterator = generator.generate(this.#request, { signal: stop.signal })[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { value, done } = await this.#withHeartbeats(iterator.next());
        stop.signal.throwIfAborted();
        if (done === true) throw new EngineSilentError();
        await this.#forward(value);
        if (value.type === 'end') return;
        if (this.#credit === 0) await this.#waitForCredit();
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
      await this.#send({ type: 'accepted' });
    }
    if (event.type === 'token') {
      this.#credit -= 1;
      this.#state = { type: 'progress', state: 'decode', done: 0, total: 0 };
      const { token, logprobs } = event;
      await this.#send(
        logprobs === undefined ? { type: 'token', token } : { type: 'token', token, logprobs: clamped(logprobs) },
      );
      return;
    }
    if (event.type === 'progress') this.#state = event;
    await this.#send(event);
  }

  async #send(message: StageMessage): Promise<void> {
    const { channel, clock, stop } = this.#components;
    const sending = channel.send(message);
    await withDeadline(
      { clock, ms: STALLED_READER_TIMEOUT_MS, error: () => new ReaderStalledError(), signal: stop.signal },
      (signal) => raceAbort(sending, signal),
    );
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
        if (this.#accepted) await this.#send(this.#state);
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

  async #waitForCredit(): Promise<void> {
    const { clock, stop } = this.#components;
    await withDeadline(
      { clock, ms: STALLED_READER_TIMEOUT_MS, error: () => new ReaderStalledError(), signal: stop.signal },
      async (signal) => {
        while (this.#credit === 0) await raceAbort(this.#creditGiven.promise, signal);
      },
    );
  }

  async #readControl(signal: AbortSignal): Promise<void> {
    const { channel, stop } = this.#components;
    try {
      for (;;) {
        const message = await channel.receive(coordinatorMessageSchema, {
          maxBytes: MAX_COORDINATOR_MESSAGE_BYTES,
          signal,
        });
        if (message === undefined || message.type === 'cancel') throw new SessionCancelledError();
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

/** Log-probabilities of the vanishing and of rounding above certainty, as the schema has them. */
const clamped = ({ logprob, top }: TokenLogprobs) => ({
  logprob: clampLogprob(logprob),
  top: top.map((entry) => ({ token: entry.token, logprob: clampLogprob(entry.logprob) })),
});

const clampLogprob = (value: number) => Math.min(0, Math.max(MIN_LOGPROB, value));
