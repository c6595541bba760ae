import { createServer } from 'node:http';
import { FakeClock, settle } from '@opengateway/core/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { BOOTSTRAP_DEADLINE_MS } from './constants.ts';
import { awaitBootstrap, fetchBootstrap } from './fetch-bootstrap.ts';
import { getBytes } from './get-bytes.ts';
import type { AddressInfo } from 'node:net';
import type { RequestListener, Server } from 'node:http';
import type { GetBytes } from './get-bytes.ts';

const document = {
  protocol: 1,
  relay: { peer: 'peer', multiaddrs: ['/ip4/127.0.0.1/tcp/1/ws'] },
  region: 'europe',
  catalog: [],
};
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const { signal } = new AbortController();
const relay = 'http://relay.example/';
const down: GetBytes = () => Promise.reject(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }));

describe('bootstrap', () => {
  it('is fetched from the relay and checked', async () => {
    const asked: string[] = [];
    const answering: GetBytes = async (url) => {
      asked.push(url);
      return encode(document);
    };
    expect(await fetchBootstrap({ getBytes: answering }, relay, signal)).toEqual(document);
    expect(asked).toEqual(['http://relay.example/bootstrap']);
  });

  it.each([
    ['another version', encode({ ...document, protocol: 2 })],
    ['no JSON', new TextEncoder().encode('<html>')],
    ['no UTF-8', new Uint8Array([0xff, 0xfe])],
  ])('that is %s is refused and not asked for again', async (_name, bytes) => {
    let asked = 0;
    const answering: GetBytes = async () => {
      asked++;
      return bytes;
    };
    const waiting = awaitBootstrap({ getBytes: answering, clock: new FakeClock() }, relay, { signal, onRetry() {} });
    await expect(waiting).rejects.toMatchObject({ code: 'bootstrap_unavailable', retryable: false });
    expect(asked).toBe(1);
  });

  it('is asked for again, with growing waits, until the relay is up', async () => {
    const clock = new FakeClock();
    const waits: number[] = [];
    let attempts = 0;
    const later: GetBytes = (url, options) => (++attempts < 4 ? down(url, options) : Promise.resolve(encode(document)));
    const waiting = awaitBootstrap({ getBytes: later, clock }, relay, {
      signal,
      onRetry: (error, waitMs) => {
        expect((error as Error).message).toContain('ECONNREFUSED');
        waits.push(waitMs);
      },
    });
    await settle();
    await clock.advance(10_000);
    expect(await waiting).toEqual(document);
    expect(waits).toEqual([250, 500, 1000]);
  });

  it('is given up after the deadline', async () => {
    const clock = new FakeClock();
    const waiting = awaitBootstrap({ getBytes: down, clock }, relay, { signal, onRetry() {} }).catch((error) => error);
    await settle();
    await clock.advance(BOOTSTRAP_DEADLINE_MS);
    expect(await waiting).toMatchObject({ code: 'bootstrap_unavailable', retryable: true });
    expect(clock.sleeping).toBe(0);
  });

  it('stops waiting when told to', async () => {
    const stop = new AbortController();
    const reason = new Error('SIGTERM');
    const waiting = awaitBootstrap({ getBytes: down, clock: new FakeClock() }, relay, {
      signal: stop.signal,
      onRetry: () => stop.abort(reason),
    });
    await expect(waiting).rejects.toBe(reason);
  });
});

describe('getBytes', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());
  const serve = async (listener: RequestListener) => {
    server = createServer(listener);
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  };

  it('gives the body', async () => {
    const url = await serve((_request, response) => response.end('hello'));
    expect(new TextDecoder().decode(await getBytes(url, { signal, maxBytes: 5 }))).toBe('hello');
  });

  it('refuses another status and a longer body', async () => {
    const url = await serve((request, response) => {
      response.statusCode = request.url === '/missing' ? 404 : 200;
      response.end('hello');
    });
    await expect(getBytes(`${url}missing`, { signal, maxBytes: 5 })).rejects.toThrow('HTTP 404');
    await expect(getBytes(url, { signal, maxBytes: 4 })).rejects.toThrow('longer than 4 bytes');
  });

  it('fails on a body cut short', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    await expect(getBytes(url, { signal, maxBytes: 1000 })).rejects.toThrow();
  });

  it('is aborted by its signal', async () => {
    const stop = new AbortController();
    const url = await serve(() => stop.abort());
    await expect(getBytes(url, { signal: stop.signal, maxBytes: 5 })).rejects.toMatchObject({ name: 'AbortError' });
    server!.closeAllConnections();
  });
});
