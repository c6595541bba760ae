import { fromWire } from '@opengateway/core';
import { transfer } from 'comlink';
import { MAX_WAITING_INPUTS } from '../scheduler/constants.ts';
import type { LayerInput, LayerTiming } from '@opengateway/core';
import type { SequenceControl, SequenceMessage } from '../api.ts';

export interface SequenceChannelInit {
  readonly signal: AbortSignal;
  /** Tokens or hidden states taken before they are granted again. */
  readonly grantEvents: number;
  /** Hands `port` to the worker; calls `fail` if that, or the worker, fails. Returns what forgets `fail`. */
  start(port: MessagePort, fail: (error: unknown) => void): () => void;
}

/** The page's end of one sequence in the worker. Open until its events ended, were left, or the signal aborted. */
export interface SequenceChannel<Event extends { readonly type: string }> {
  /** Pulled: an event taken is credit for another, and leaving cancels. */
  readonly events: AsyncIterableIterator<Event, void>;
  give(input: LayerInput): Promise<void>;
  /** As of the last event that came from the worker. */
  timing(): LayerTiming;
}

/** Starts a sequence in the worker at once. */
export const openSequence = <Event extends { readonly type: string }>(
  init: SequenceChannelInit,
): SequenceChannel<Event> => new OpenSequence(init);

/** The events of a sequence that starts when they are first pulled, and is given nothing. */
export async function* streamSequence<Event extends { readonly type: string }>(
  init: SequenceChannelInit,
): AsyncGenerator<Event, void, void> {
  init.signal.throwIfAborted();
  yield* openSequence<Event>(init).events;
}

class OpenSequence<Event extends { readonly type: string }> implements SequenceChannel<Event> {
  readonly events: AsyncIterableIterator<Event, void>;
  readonly #init: SequenceChannelInit;
  readonly #port: MessagePort;
  readonly #inbox: SequenceMessage<Event>[] = [];
  #forget = () => {};
  #failure: { readonly error: unknown } | null = null;
  /** Nothing more is expected from the worker. */
  #over = false;
  #left = false;
  #wake = Promise.withResolvers<void>();
  #paidEvents = 0;
  #givenInputs = 0;
  #takenInputs = 0;
  #room = Promise.withResolvers<void>();
  #timing: LayerTiming = { prefillMs: 0, decodeMs: 0, decodeSteps: 0 };

  constructor(init: SequenceChannelInit) {
    this.#init = init;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const pulled = this.#pull();
    this.events = {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => pulled.next(),
      return: () => {
        // Also before the first pull, and while one waits.
        this.#leave();
        return pulled.return();
      },
      throw: (error) => pulled.throw(error),
    };
    if (init.signal.aborted) {
      this.#over = true;
      this.#fail(init.signal.reason);
      return;
    }
    port1.addEventListener('message', this.#receive);
    port1.start();
    init.signal.addEventListener('abort', this.#abort, { once: true });
    try {
      this.#forget = init.start(transfer(port2, [port2]), this.#fail);
    } catch (error) {
      this.#fail(error);
    }
  }

  get #takesInputs(): boolean {
    return !this.#over && this.#failure === null;
  }

  async give(input: LayerInput): Promise<void> {
    if (!this.#takesInputs) return;
    this.#givenInputs++;
    const { message, transferred } = withOwnBytes(input);
    this.#post({ type: 'input', input: message }, transferred);
    while (this.#givenInputs - this.#takenInputs >= MAX_WAITING_INPUTS && this.#takesInputs) await this.#room.promise;
  }

  timing(): LayerTiming {
    return this.#timing;
  }

  async *#pull(): AsyncGenerator<Event, void, void> {
    try {
      while (!this.#left) {
        if (this.#failure !== null) throw this.#failure.error;
        const message = this.#inbox.shift();
        if (message === undefined) {
          await this.#wake.promise;
          this.#wake = Promise.withResolvers();
          continue;
        }
        if (message.type === 'error') throw fromWire(message.error);
        const { event } = message;
        this.#pay(event);
        yield event;
        if (event.type === 'end') return;
      }
    } finally {
      this.#leave();
    }
  }

  readonly #receive = ({ data }: MessageEvent<SequenceMessage<Event>>): void => {
    if (data.type === 'event') {
      this.#timing = data.timing;
      this.#takenInputs = data.takenInputs;
      this.#makeRoom();
      // Only the latest progress counts; so the inbox holds no more than the credit allows.
      const last = this.#inbox.at(-1);
      if (isProgress(data) && last !== undefined && isProgress(last)) this.#inbox.pop();
    }
    this.#inbox.push(data);
    if (data.type === 'error' || data.event.type === 'end') {
      this.#over = true;
      this.#port.close();
      this.#makeRoom();
    }
    this.#wake.resolve();
  };

  readonly #fail = (error: unknown): void => {
    this.#failure ??= { error };
    this.#makeRoom();
    this.#wake.resolve();
  };

  readonly #abort = (): void => {
    this.#cancel();
    this.#fail(this.#init.signal.reason);
  };

  #leave(): void {
    this.#left = true;
    this.#init.signal.removeEventListener('abort', this.#abort);
    this.#forget();
    this.#cancel();
    this.#inbox.length = 0;
    this.#wake.resolve();
  }

  #cancel(): void {
    if (!this.#over) this.#post({ type: 'cancel' });
    this.#over = true;
    this.#port.removeEventListener('message', this.#receive);
    this.#makeRoom();
  }

  #pay(event: Event): void {
    if (this.#over || (event.type !== 'token' && event.type !== 'hidden')) return;
    if (++this.#paidEvents % this.#init.grantEvents === 0) {
      this.#post({ type: 'credit', events: this.#init.grantEvents });
    }
  }

  #makeRoom(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }

  #post(message: SequenceControl, transferred: Transferable[] = []): void {
    this.#port.postMessage(message, transferred);
  }
}

const isProgress = (message: SequenceMessage<{ readonly type: string }>): boolean =>
  message.type === 'event' && message.event.type === 'progress';

/** An input whose bytes are its own, so that no one else's go with them. */
function withOwnBytes(input: LayerInput): { message: LayerInput; transferred: ArrayBuffer[] } {
  if (input.type === 'token') return { message: input, transferred: [] };
  const { payload } = input;
  const own = payload.byteLength === payload.buffer.byteLength ? payload : payload.slice();
  return { message: { ...input, payload: own }, transferred: [own.buffer] };
}
