import { MAX_EVENT_CHARS } from '../constants.ts';
import { InvalidAnswerError } from './errors.ts';

/** One item of a `text/event-stream`: an event with its data, or a comment line. */
export type EventStreamItem =
  | { readonly type: 'event'; readonly event: string; readonly data: string }
  | { readonly type: 'comment'; readonly text: string };

/**
 * Parses server-sent events from text in any pieces, as the HTML standard describes
 * (`id` and `retry` are for reconnecting readers and are left out).
 *
 * @throws InvalidAnswerError when one event grows past `MAX_EVENT_CHARS`.
 */
export class EventStreamParser {
  #rest = '';
  #event = '';
  #data: string[] = [];
  #dataChars = 0;
  #started = false;
  #afterCarriageReturn = false;

  push(text: string): EventStreamItem[] {
    const items: EventStreamItem[] = [];
    let input = text;
    if (!this.#started && input.length > 0) {
      this.#started = true;
      if (input.startsWith('\uFEFF')) input = input.slice(1);
    }
    // A CR at the end of one piece and an LF at the start of the next are one line end.
    if (this.#afterCarriageReturn && input.length > 0) {
      this.#afterCarriageReturn = false;
      if (input.startsWith('\n')) input = input.slice(1);
    }
    if (input.endsWith('\r')) this.#afterCarriageReturn = true;
    const lines = (this.#rest + input).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line, items);
    if (this.#rest.length + this.#dataChars > MAX_EVENT_CHARS) {
      throw new InvalidAnswerError(`An event of the stream is longer than ${MAX_EVENT_CHARS} characters.`);
    }
    return items;
  }

  #line(line: string, items: EventStreamItem[]): void {
    if (line === '') {
      if (this.#data.length > 0) {
        items.push({ type: 'event', event: this.#event || 'message', data: this.#data.join('\n') });
      }
      this.#event = '';
      this.#data = [];
      this.#dataChars = 0;
      return;
    }
    if (line.startsWith(':')) {
      items.push({ type: 'comment', text: line.slice(1).trim() });
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') {
      this.#data.push(value);
      this.#dataChars += value.length;
    }
  }
}

/** Reads a response body as server-sent events; returning early cancels the body. */
export async function* readEventStream(body: ReadableStream<Uint8Array>): AsyncGenerator<EventStreamItem> {
  const parser = new EventStreamParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Already closed or failed: there is nothing left to cancel.
    await reader.cancel().catch(() => undefined);
  }
}
