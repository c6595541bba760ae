import { decodeMessage, encodeMessage } from './codec.ts';
import { raceAbort } from './race-abort.ts';
import type { MessageChannel } from './message-channel.ts';

/** Messages that wait in one direction before their sender does. */
const MAX_WAITING_MESSAGES = 16;

/** Two ends of a message channel inside this process: as over the network, encoded and checked. */
export function memoryChannelPair(): [MessageChannel, MessageChannel] {
  const there = new Direction();
  const back = new Direction();
  return [end(there, back), end(back, there)];
}

class Direction {
  readonly ended = new AbortController();
  readonly messages: Uint8Array[] = [];
  failure: Error | undefined;
  #changed = Promise.withResolvers<void>();

  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  end(failure?: Error): void {
    this.failure ??= failure;
    this.ended.abort(failure);
    this.wake();
  }
}

const end = (outgoing: Direction, incoming: Direction): MessageChannel => ({
  ended: incoming.ended.signal,
  async send(message, { signal } = {}) {
    signal?.throwIfAborted();
    if (outgoing.ended.signal.aborted) throw outgoing.failure ?? new Error('The channel closed.');
    outgoing.messages.push(encodeMessage(message));
    outgoing.wake();
    while (outgoing.messages.length > MAX_WAITING_MESSAGES && !outgoing.ended.signal.aborted) {
      await raceAbort(outgoing.changed, signal);
    }
  },
  async receive(schema, { maxBytes, signal }) {
    for (;;) {
      signal?.throwIfAborted();
      const bytes = incoming.messages.shift();
      if (bytes !== undefined) {
        incoming.wake();
        return decodeMessage(schema, bytes, maxBytes);
      }
      if (incoming.failure !== undefined) throw incoming.failure;
      if (incoming.ended.signal.aborted) return undefined;
      await raceAbort(incoming.changed, signal);
    }
  },
  async close() {
    outgoing.end();
  },
  abort(error) {
    outgoing.messages.length = 0;
    outgoing.end(error);
    incoming.end(error);
  },
});
