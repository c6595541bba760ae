import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCode } from '@opengateway/core';
import { MAX_EVENT_CHARS } from '../constants.ts';
import { EventStreamParser, readEventStream } from './event-stream.ts';
import type { EventStreamItem } from './event-stream.ts';

const parse = (...pieces: string[]): EventStreamItem[] => {
  const parser = new EventStreamParser();
  return pieces.flatMap((piece) => parser.push(piece));
};
const data = (text: string): EventStreamItem => ({ type: 'event', event: 'message', data: text });

/** A body in pieces; counts cancellation. */
function bodyOf(pieces: readonly Uint8Array[]) {
  let cancelled = false;
  const queue = [...pieces];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = queue.shift();
      if (next) controller.enqueue(next);
      else controller.close();
    },
    cancel() {
      cancelled = true;
    },
  });
  return { body, cancelled: () => cancelled };
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe('event stream parser', () => {
  it('reads events, several data lines, names and comments', () => {
    expect(parse('event: note\ndata: a\ndata: b\n\n: queued, 2 ahead\n\ndata:c\n\n')).toEqual([
      { type: 'event', event: 'note', data: 'a\nb' },
      { type: 'comment', text: 'queued, 2 ahead' },
      data('c'),
    ]);
  });

  it('keeps an event that has not ended to itself', () => {
    expect(parse('data: half\n')).toEqual([]);
  });

  it('takes every kind of line end and a byte order mark', () => {
    expect(parse('\uFEFFdata: a\r\n\r\ndata: b\r\rdata: c\n\n')).toEqual([data('a'), data('b'), data('c')]);
  });

  it('takes a line end cut between its two characters as one', () => {
    expect(parse('data: a\r', '\n\r', '\ndata: b\n\n')).toEqual([data('a'), data('b')]);
  });

  it('gives the same items however the text is cut', () => {
    const line = fc.constantFrom('data: x', 'data:', ': note', 'event: y', 'id: 1', '', 'data: ä€🙂', 'unknown');
    const end = fc.constantFrom('\n', '\r\n', '\r');
    const text = fc
      .array(fc.tuple(line, end), { maxLength: 30 })
      .map((lines) => lines.map(([words, after]) => words + after).join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 8 }), (whole, cuts) => {
        const places = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length];
        const pieces = places.slice(1).map((place, index) => whole.slice(places[index], place));
        expect(parse(...pieces)).toEqual(parse(whole));
      }),
    );
  });

  it('refuses an event without end', () => {
    const parser = new EventStreamParser();
    let code: string | undefined;
    try {
      for (let index = 0; index <= MAX_EVENT_CHARS / 1000; index += 1) parser.push(`data: ${'x'.repeat(1000)}\n`);
    } catch (error) {
      code = errorCode(error);
    }
    expect(code).toBe('invalid_answer');
  });
});

describe('readEventStream', () => {
  it('puts characters together that were cut into bytes', async () => {
    const bytes = new TextEncoder().encode('data: grüße 🙂\n\n');
    const { body } = bodyOf(Array.from(bytes, (byte) => Uint8Array.of(byte)));
    expect(await collect(readEventStream(body))).toEqual([data('grüße 🙂')]);
  });

  it('cancels the body when its reader leaves', async () => {
    const piece = new TextEncoder().encode('data: a\n\n');
    const { body, cancelled } = bodyOf([piece, piece, piece]);
    for await (const item of readEventStream(body)) {
      expect(item).toEqual(data('a'));
      break;
    }
    expect(cancelled()).toBe(true);
  });
});
