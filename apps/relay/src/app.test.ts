import { OpenGatewayError } from '@opengateway/core';
import {
  endEvent,
  FAKE_STAGE,
  failing,
  failingAfter,
  hanging,
  routeEvent,
  settle,
  textEvent,
} from '@opengateway/core/testing';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { CHAT_PATH, chatInit, createTestApp, MINIMAL_CHAT } from './app.fixture.ts';
import { DrainGate } from './drain-gate.ts';
import type { ErrorBody, PeerName } from '@opengateway/core';

let fixture: ReturnType<typeof createTestApp>;
beforeEach(() => {
  fixture = createTestApp();
});

const chat = (body: unknown) => fixture.app.request(CHAT_PATH, chatInit(body));
const errorOf = async (response: Response) => ((await response.json()) as ErrorBody).error;

describe('POST /v1/chat/completions', () => {
  it('answers with one object, its usage and the route it took', async () => {
    const response = await chat(MINIMAL_CHAT);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-opengateway-route')).toBe(
      '[{"peer":"12D3KooWFake","engine":"wasm","layers":[0,30]}]',
    );
    expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{24}$/);
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      model: 'tiny',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
    });
    expect(fixture.gate.active).toBe(0);
  });

  it('streams role, deltas, finish, usage and [DONE]', async () => {
    const response = await chat({ ...MINIMAL_CHAT, stream: true, stream_options: { include_usage: true } });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = (await response.text()).split('\n\n').filter((line) => line !== '');
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events.slice(0, -1).map((event) => JSON.parse(event.replace(/^data: /, '')));
    expect(chunks.map(({ choices, usage }) => [choices[0]?.delta, choices[0]?.finish_reason, usage])).toEqual([
      [{ role: 'assistant', content: '' }, null, null],
      [{ content: 'Hello' }, null, null],
      [{ content: ' there' }, null, null],
      [{}, 'stop', null],
      [undefined, undefined, { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 }],
    ]);
    expect(fixture.gate.active).toBe(0);
  });

  it('computes n choices at once, each with its own seed, and names them in the route', async () => {
    const response = await chat({ ...MINIMAL_CHAT, n: 3, seed: 1 });
    const route = JSON.parse(response.headers.get('x-opengateway-route') ?? '') as { choice: number }[];
    expect(route.map(({ choice }) => choice)).toEqual([0, 1, 2]);
    const { choices, usage } = (await response.json()) as { choices: { index: number }[]; usage: object };
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(usage).toEqual({ prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 });
    expect(new Set(fixture.completions.requests.map(({ sampling }) => sampling.seed)).size).toBe(3);
  });

  it('opens each of n streamed choices with its own role chunk', async () => {
    const response = await chat({ ...MINIMAL_CHAT, n: 2, stream: true });
    const text = await response.text();
    expect(text.match(/"role":"assistant"/g)).toHaveLength(2);
    expect(text.match(/"finish_reason":"stop"/g)).toHaveLength(2);
    expect(text.match(/\[DONE\]/g)).toHaveLength(1);
  });

  it('names the route that finished an answer, not the one that began it', async () => {
    const other = { ...FAKE_STAGE, peer: '12D3KooWOther' as PeerName };
    fixture.completions.script = async function* script() {
      yield routeEvent();
      yield textEvent('Hel');
      yield { type: 'route', stages: [other], attempt: 2, promptTokens: 5 };
      yield textEvent('lo');
      yield endEvent(2);
    };
    const response = await chat(MINIMAL_CHAT);
    expect(response.headers.get('x-opengateway-route')).toBe(
      '[{"peer":"12D3KooWOther","engine":"wasm","layers":[0,30]}]',
    );
  });

  it('keeps a stream alive that makes progress without a word', async () => {
    fixture = createTestApp({ keepAliveMs: 50 });
    const heard = new AbortController();
    fixture.completions.script = async function* script() {
      yield routeEvent();
      while (!heard.signal.aborted) {
        await settle();
        yield { type: 'progress', state: 'prefill', done: 1, total: 1_000 };
      }
      yield endEvent(0);
    };
    const response = await chat({ ...MINIMAL_CHAT, stream: true });
    for await (const part of response.body ?? []) {
      if (new TextDecoder().decode(part).includes(': keep-alive')) heard.abort();
    }
    expect(heard.signal.aborted).toBe(true);
  });

  it('says who is next', async () => {
    const next = { type: 'progress', state: 'queued', done: 0, total: 2 } as const;
    fixture.completions.script = async function* script() {
      yield routeEvent();
      yield next;
      yield endEvent(0);
    };
    expect(await (await chat({ ...MINIMAL_CHAT, stream: true })).text()).toContain(': queued, 0 ahead\n\n');
  });

  it('gives no place to a request whose body has not come', async () => {
    fixture = createTestApp({ gate: new DrainGate(1) });
    const unfinished = Promise.withResolvers<void>();
    const waiting = fixture.app.request(CHAT_PATH, {
      ...chatInit(''),
      body: new ReadableStream({
        async pull(controller) {
          await unfinished.promise;
          controller.close();
        },
      }),
      duplex: 'half',
    } as RequestInit);
    expect((await chat(MINIMAL_CHAT)).status).toBe(200);
    unfinished.resolve();
    expect((await waiting).status).toBe(400);
  });

  it('says in comments who is ahead, and that it is alive', async () => {
    fixture = createTestApp({ keepAliveMs: 1 });
    const { promise: firstTimerFired, resolve } = Promise.withResolvers<void>();
    fixture.completions.script = async function* script() {
      yield routeEvent();
      yield { type: 'progress', state: 'queued', done: 3, total: 4 };
      await firstTimerFired;
      yield textEvent('Hi');
      yield endEvent(1);
    };
    const response = await chat({ ...MINIMAL_CHAT, stream: true });
    let transcript = '';
    for await (const part of response.body ?? []) {
      transcript += new TextDecoder().decode(part);
      if (transcript.includes(': keep-alive')) resolve();
    }
    expect(transcript).toContain(': queued, 3 ahead\n\n');
    expect(transcript).toContain('"content":"Hi"');
  });

  it('opens a stream that waits long for a place, and names its route when it has one', async () => {
    fixture = createTestApp({ routeWaitMs: 1 });
    const opened = Promise.withResolvers<void>();
    fixture.completions.script = async function* script() {
      yield { type: 'progress', state: 'queued', done: 2, total: 3 };
      await opened.promise;
      yield { type: 'progress', state: 'queued', done: 1, total: 3 };
      yield routeEvent();
      yield textEvent('Hi');
      yield endEvent(1);
    };
    const response = await chat({ ...MINIMAL_CHAT, stream: true });
    expect(response.headers.get('x-opengateway-route')).toBeNull();
    opened.resolve();
    const text = await response.text();
    expect(text).toContain(': queued, 1 ahead\n\n: route [{"peer":"12D3KooWFake"');
    expect(text).toContain('"content":"Hi"');
    expect(text).toContain('[DONE]');
  });

  it('ends a stream that fails half-way with an error event and without [DONE]', async () => {
    fixture.completions.script = failingAfter(
      'Hel',
      new OpenGatewayError('no_route', 'Everybody left.', { retryable: true }),
    );
    const response = await chat({ ...MINIMAL_CHAT, stream: true });
    expect(response.status).toBe(200);
    const events = (await response.text()).split('\n\n').filter((line) => line !== '');
    expect(JSON.parse(events.at(-1)?.replace(/^data: /, '') ?? '')).toEqual({
      error: { message: 'Everybody left.', type: 'server_error', param: null, code: 'no_route' },
    });
    expect(fixture.gate.active).toBe(0);
  });

  it.each([
    ['no_route', 503, 'server_error', '5'],
    ['capacity', 429, 'rate_limit_error', '2'],
    ['model_not_ready', 503, 'server_error', '5'],
    ['model_not_found', 404, 'invalid_request_error', null],
    ['context_length_exceeded', 400, 'invalid_request_error', null],
  ])('turns %s before the first token into %i, streamed or not', async (code, status, type, retryAfter) => {
    for (const stream of [false, true]) {
      fixture.completions.script = failing(new OpenGatewayError(code, 'As said.'));
      const response = await chat({ ...MINIMAL_CHAT, stream });
      expect(response.status).toBe(status);
      expect(response.headers.get('retry-after')).toBe(retryAfter);
      expect(await errorOf(response)).toMatchObject({ code, type, message: 'As said.' });
      expect(fixture.gate.active).toBe(0);
    }
  });

  it('hides what an unexpected failure says', async () => {
    fixture.completions.script = failing(new Error('/secret/path'));
    const response = await chat(MINIMAL_CHAT);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
  });

  it('ends the other choices when one of them finds no route', async () => {
    fixture.completions.script = (request, signal) =>
      fixture.completions.requests.length > 1
        ? failing(new OpenGatewayError('no_route', ''))(request, signal)
        : hanging('a')(request, signal);
    const response = await chat({ ...MINIMAL_CHAT, n: 2 });
    expect(response.status).toBe(503);
    expect(fixture.completions.aborted).toBeGreaterThan(0);
  });

  it.each([
    ['{"model": "tiny", ', 400, 'invalid_json', null],
    ['', 400, 'invalid_json', null],
    ['[]', 400, 'invalid_type', null],
    [{ ...MINIMAL_CHAT, temperature: 'hot' }, 400, 'invalid_type', 'temperature'],
    [{ ...MINIMAL_CHAT, tools: [] }, 400, 'unsupported_parameter', 'tools'],
    [{ ...MINIMAL_CHAT, temprature: 1 }, 400, 'unknown_parameter', 'temprature'],
    [{ ...MINIMAL_CHAT, model: 'No Such Model' }, 404, 'model_not_found', 'model'],
  ])('refuses %j with %i %s', async (body, status, code, param) => {
    const response = await chat(body);
    expect(response.status).toBe(status);
    expect(await errorOf(response)).toMatchObject({ code, param, type: 'invalid_request_error' });
    expect(fixture.completions.requests).toEqual([]);
  });

  it('refuses other content types, which also keeps other sites out', async () => {
    const response = await fixture.app.request(CHAT_PATH, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: JSON.stringify(MINIMAL_CHAT),
    });
    expect(response.status).toBe(415);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('refuses a body above 1 MiB, announced or not', async () => {
    const long = JSON.stringify({ ...MINIMAL_CHAT, user: 'x'.repeat(1_048_576) });
    expect((await chat(long)).status).toBe(413);
    const streamed = await fixture.app.request(CHAT_PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Blob([long]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(streamed.status).toBe(413);
  });

  it('asks for the key where there is one', async () => {
    fixture = createTestApp({ apiKey: 'sesame-sesame-sesame' });
    const withKey = (key: string) =>
      fixture.app.request(CHAT_PATH, {
        ...chatInit(MINIMAL_CHAT),
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      });
    expect(await errorOf(await chat(MINIMAL_CHAT))).toMatchObject({ code: 'invalid_api_key' });
    expect((await withKey('wrong')).status).toBe(401);
    expect((await withKey('sesame-sesame-sesame')).status).toBe(200);
    expect((await fixture.app.request('/metrics')).status).toBe(401);
    expect((await fixture.app.request('/healthz')).status).toBe(200);
  });

  it('turns new answers away with Retry-After once a stop was asked for', async () => {
    fixture.gate.close();
    const response = await chat(MINIMAL_CHAT);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await errorOf(response)).toMatchObject({ code: 'server_stopping' });
  });

  it('never answers any bytes with anything but an OpenAI error below 500', async () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc
        .dictionary(fc.constantFrom('messages', 'stop', 'n', 'stream', 'logit_bias', 'seed', 'zzz'), fc.jsonValue())
        .map((extra) => new TextEncoder().encode(JSON.stringify({ ...MINIMAL_CHAT, ...extra }))),
    );
    await fc.assert(
      fc.asyncProperty(body, async (bytes) => {
        const response = await fixture.app.request(CHAT_PATH, {
          ...chatInit(''),
          body: Uint8Array.from(bytes),
        });
        const text = await response.text();
        expect(response.status).toBeLessThan(500);
        if (response.status !== 200) {
          const { error } = JSON.parse(text) as ErrorBody;
          expect(error).toMatchObject({ type: 'invalid_request_error', message: expect.any(String) });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the rest of the surface', () => {
  it('answers unknown paths under /v1 with 404 and wrong methods with 405, in OpenAI form', async () => {
    const missing = await fixture.app.request('/v1/embeddings', chatInit({}));
    expect(missing.status).toBe(404);
    expect(await errorOf(missing)).toMatchObject({ code: 'not_found' });
    const wrong = await fixture.app.request(CHAT_PATH);
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toBe('POST');
    expect(await errorOf(wrong)).toMatchObject({ code: 'method_not_allowed' });
  });

  it('is ready when nothing is missing, and says what is', async () => {
    expect((await fixture.app.request('/readyz')).status).toBe(200);
    fixture = createTestApp({ missing: () => ['contributor'] });
    const response = await fixture.app.request('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: 'not-ready', missing: ['contributor'] });
    expect((await fixture.app.request('/healthz')).status).toBe(200);
  });

  it('refuses hosts that are not its own while on loopback', async () => {
    for (const host of ['localhost:8080', '127.0.0.1:9000', '[::1]:8080']) {
      expect((await fixture.app.request('/healthz', { headers: { host } })).status).toBe(200);
    }
    for (const host of ['evil.example', 'localhost.evil.example:8080', '10.0.0.1', '']) {
      const response = await fixture.app.request('http://evil.example/healthz', { headers: { host } });
      expect(response.status).toBe(403);
    }
  });

  it('counts requests, tokens and times', async () => {
    await chat(MINIMAL_CHAT);
    await fixture.app.request('/v1/nope');
    const metrics = await (await fixture.app.request('/metrics')).text();
    expect(metrics).toContain(
      'opengateway_http_requests_total{route="/v1/chat/completions",method="POST",status="200"} 1',
    );
    expect(metrics).toContain('opengateway_http_requests_total{route="/v1/*",method="GET",status="404"} 1');
    expect(metrics).toContain('opengateway_completion_tokens_total{model="tiny"} 2');
    expect(metrics).toContain('opengateway_time_to_first_token_seconds_count 1');
    expect(metrics).toContain('opengateway_peers 1');
  });

  it('isolates the page and allows it nothing but its own', async () => {
    const { headers } = await fixture.app.request('/');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    expect(headers.get('content-security-policy')).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});
