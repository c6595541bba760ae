import { CHUNK_BYTES } from '@opengateway/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHttpSource } from './http-source.ts';
import { sameBytes } from './weights-store.contract.ts';
import type { Clock } from '@opengateway/core';

const CONTENT = Uint8Array.from({ length: CHUNK_BYTES + 100 }, (_, at) => (at * 13) & 0xff);
const FILE = { name: 'x.gguf', bytes: CONTENT.length, chunks: [] };
const LAST = CONTENT.subarray(CHUNK_BYTES);

type Answer = (url: string, range: string, signal: AbortSignal) => Response | Promise<Response>;

/** A server that answers ranges as RFC 9110 says. */
const honest: Answer = (_, range) => {
  const [first = 0, last = 0] = /(\d+)-(\d+)/.exec(range)?.slice(1).map(Number) ?? [];
  return new Response(CONTENT.slice(first, last + 1), {
    status: 206,
    headers: { 'content-range': `bytes ${first}-${last}/${CONTENT.length}` },
  });
};

const status =
  (code: number): Answer =>
  () =>
    new Response('no', { status: code });

const offline: Answer = () => Promise.reject(new TypeError('fetch failed'));

/** Answers in turn, the last one for ever; waits are recorded, not waited. */
function setup(...answers: Answer[]) {
  const requests: string[] = [];
  const delays: number[] = [];
  const clock: Clock = {
    now: () => 0,
    sleep: async (ms) => {
      delays.push(ms);
    },
  };
  const fetch = async (input: unknown, options?: RequestInit): Promise<Response> => {
    const answer = answers[Math.min(requests.length, answers.length - 1)] ?? honest;
    requests.push(String(input));
    return answer(String(input), new Headers(options?.headers).get('range') ?? '', options?.signal as AbortSignal);
  };
  const init = { baseUrl: 'http://relay.test/models/tiny' };
  return { source: createHttpSource(init, { fetch: fetch as typeof globalThis.fetch, clock }), requests, delays };
}

describe('createHttpSource', () => {
  it('asks for exactly the chunk and fills the buffer it is given', async () => {
    const { source, requests } = setup(honest);
    const buffer = new Uint8Array(CHUNK_BYTES);
    const last = await source.readChunk(FILE, 1, { buffer });
    expect(sameBytes(last, LAST)).toBe(true);
    expect(last.buffer).toBe(buffer.buffer);
    expect(sameBytes(await source.readChunk(FILE, 0), CONTENT.subarray(0, CHUNK_BYTES))).toBe(true);
    expect(requests[0]).toBe('http://relay.test/models/tiny/x.gguf');
  });

  it('tries again after failures that pass, with growing pauses', async () => {
    const cutShort: Answer = () =>
      new Response(LAST.slice(0, 50), {
        status: 206,
        headers: { 'content-range': `bytes ${CHUNK_BYTES}-${CHUNK_BYTES + 99}/${CONTENT.length}` },
      });
    const { source, delays } = setup(offline, status(503), cutShort, honest);
    expect(sameBytes(await source.readChunk(FILE, 1), LAST)).toBe(true);
    expect(delays).toEqual([250, 500, 1000]);
  });

  it('gives up after a bounded number of attempts and says why', async () => {
    const { source, requests } = setup(status(500));
    const read = source.readChunk(FILE, 1);
    await expect(read).rejects.toMatchObject({ code: 'source_unavailable', retryable: true });
    await expect(read).rejects.toThrow('Chunk 1 of x.gguf could not be fetched: the server answered 500.');
    expect(requests).toHaveLength(4);
  });

  it.each<[string, Answer]>([
    ['a missing file', status(404)],
    ['a server without ranges', () => new Response(CONTENT)],
    ['another range', (url, _, signal) => honest(url, 'bytes=0-99', signal)],
    ['no content-range', () => new Response(LAST.slice(), { status: 206 })],
    [
      'a file of another size',
      () =>
        new Response(LAST.slice(), {
          status: 206,
          headers: { 'content-range': `bytes ${CHUNK_BYTES}-${CHUNK_BYTES + 99}/${CONTENT.length + 1}` },
        }),
    ],
  ])('does not try %s again', async (_, answer) => {
    const { source, requests } = setup(answer);
    await expect(source.readChunk(FILE, 1)).rejects.toMatchObject({ code: 'source_unavailable' });
    expect(requests).toHaveLength(1);
  });

  it('stops reading a body that is longer than it says', async () => {
    let pulls = 0;
    let cancelled = false;
    const endless: Answer = () =>
      new Response(
        new ReadableStream<Uint8Array>({
          pull: (controller) => {
            pulls += 1;
            controller.enqueue(new Uint8Array(64));
          },
          cancel: () => {
            cancelled = true;
          },
        }),
        { status: 206, headers: { 'content-range': `bytes ${CHUNK_BYTES}-${CHUNK_BYTES + 99}/${CONTENT.length}` } },
      );
    const { source } = setup(endless);
    await expect(source.readChunk(FILE, 1)).rejects.toThrow('longer than the range');
    expect(cancelled).toBe(true);
    expect(pulls).toBeLessThan(5);
  });

  it('takes a whole file for its only chunk', async () => {
    const small = { ...FILE, bytes: 100 };
    const { source } = setup(() => new Response(LAST.slice()));
    expect(sameBytes(await source.readChunk(small, 0), LAST)).toBe(true);
  });

  it('goes on to the https addresses of the manifest', async () => {
    const { source, requests } = setup(status(404), honest);
    const sources = ['http://plain.test/x.gguf', 'https://mirror.test/x.gguf'];
    expect(sameBytes(await source.readChunk({ ...FILE, sources }, 1), LAST)).toBe(true);
    expect(requests).toEqual(['http://relay.test/models/tiny/x.gguf', 'https://mirror.test/x.gguf']);
  });

  it('stops at once with the reason of an aborted signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { source, requests } = setup((_, __, signal) => {
      controller.abort(reason);
      return Promise.reject(signal.reason);
    });
    await expect(source.readChunk(FILE, 1, { signal: controller.signal })).rejects.toBe(reason);
    expect(requests).toHaveLength(1);
  });

  it('answers whatever a server says with the bytes or a typed error', async () => {
    const digits = fc.constantFrom(
      '0',
      '99',
      `${CHUNK_BYTES}`,
      `${CHUNK_BYTES + 99}`,
      `${CONTENT.length}`,
      '1e999',
      '*',
    );
    const contentRange = fc.oneof(
      fc.tuple(digits, digits, digits).map(([first, last, total]) => `bytes ${first}-${last}/${total}`),
      fc.stringMatching(/^[ -~]*$/),
    );
    const body = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(LAST.slice()));
    const answers = fc.record({ status: fc.constantFrom(200, 206, 404, 416, 500, 599), contentRange, body });
    await fc.assert(
      fc.asyncProperty(answers, async ({ status: code, contentRange: value, body: content }) => {
        const headers = { 'content-range': value };
        const { source } = setup(() => new Response(content as Uint8Array<ArrayBuffer>, { status: code, headers }));
        const outcome = await source.readChunk(FILE, 1).catch((error: unknown) => error);
        if (outcome instanceof Uint8Array) expect(outcome).toHaveLength(LAST.length);
        else expect(outcome).toMatchObject({ code: 'source_unavailable' });
      }),
      { numRuns: 200 },
    );
  });
});
