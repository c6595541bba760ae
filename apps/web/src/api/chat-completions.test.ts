import { describe, expect, it } from 'vitest';
import { errorCode } from '@opengateway/core';
import { streamChatCompletion } from './chat-completions.ts';
import type { AnswerEvent, AnswerRequest } from './answer-events.ts';
import type { Fetch } from './relay-client.ts';

const request: AnswerRequest = {
  model: 'tiny',
  messages: [{ role: 'user', content: 'Hi' }],
  temperature: 0,
  maxTokens: null,
  seed: 7,
};
const stage = (peer: string) => ({ peer, engine: 'wasm', layers: [0, 30] });
const read = (peer: string) => ({ peer, engine: 'wasm', layers: { start: 0, end: 30 } });
const delta = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
const finish = `data: ${JSON.stringify({ choices: [{ delta: {}, finish_reason: 'stop' }] })}\n\n`;
const usage = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } })}\n\n`;
const route = { 'x-opengateway-route': JSON.stringify([stage('A')]) };

const answering =
  (text: string, init: ResponseInit = { headers: route }): Fetch =>
  async () =>
    new Response(text, init);

async function run(fetch: Fetch, apiKey: string | null = null, region: string | null = null) {
  const signal = new AbortController().signal;
  const events: AnswerEvent[] = [];
  try {
    for await (const event of streamChatCompletion(request, { fetch, base: 'http://relay', apiKey, region, signal })) {
      events.push(event);
    }
    return { events, code: undefined };
  } catch (error) {
    return { events, code: errorCode(error) };
  }
}

const refused: Fetch = () => Promise.reject(new TypeError('refused'));

const hanging: Fetch = async (_, init) => {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(delta('a')));
      init?.signal?.addEventListener('abort', () => controller.error(init.signal?.reason));
    },
  });
  return new Response(body);
};

describe('streamChatCompletion', () => {
  it('gives route, text and end with usage', async () => {
    const { events, code } = await run(answering(`${delta('Hel')}${delta('lo')}${finish}${usage}data: [DONE]\n\n`));
    expect(code).toBeUndefined();
    expect(events).toEqual([
      { type: 'route', stages: [read('A')] },
      { type: 'text-delta', text: 'Hel' },
      { type: 'text-delta', text: 'lo' },
      { type: 'end', reason: 'stop', promptTokens: 3, completionTokens: 2, failovers: 0 },
    ]);
  });

  it('tells of its place in the queue and of each failover', async () => {
    const text = [
      ': queued, 2 ahead\n\n',
      `: route ${JSON.stringify([stage('B')])}\n\n`,
      delta('a'),
      `: route ${JSON.stringify([stage('C')])}\n\n`,
      ': keep-alive\n\n',
      finish,
      'data: [DONE]\n\n',
    ].join('');
    const { events } = await run(answering(text, {}));
    expect(events).toEqual([
      { type: 'waiting', state: 'queued', done: 2, total: 0 },
      { type: 'route', stages: [read('B')] },
      { type: 'text-delta', text: 'a' },
      { type: 'route', stages: [read('C')] },
      { type: 'end', reason: 'stop', promptTokens: null, completionTokens: null, failovers: 1 },
    ]);
  });

  it('sends the seed and the key, and asks for usage', async () => {
    let sent: RequestInit | undefined;
    await run(async (_, init) => {
      sent = init;
      return new Response('data: [DONE]\n\n');
    }, 'secret');
    expect(JSON.parse(String(sent?.body))).toMatchObject({
      seed: 7,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(new Headers(sent?.headers).get('authorization')).toBe('Bearer secret');
    expect(new Headers(sent?.headers).has('x-opengateway-region')).toBe(false);
  });

  it('names the region that the person chose', async () => {
    let sent: RequestInit | undefined;
    const fetch: Fetch = async (_, init) => {
      sent = init;
      return new Response('data: [DONE]\n\n');
    };
    await run(fetch, null, 'asia');
    expect(new Headers(sent?.headers).get('x-opengateway-region')).toBe('asia');
  });

  it('turns a refusal into its code', async () => {
    const body = JSON.stringify({ error: { code: 'invalid_api_key', message: 'no', param: null } });
    expect((await run(answering(body, { status: 401 }))).code).toBe('invalid_api_key');
    expect((await run(answering('<html>', { status: 502 }))).code).toBe('http_502');
  });

  it('turns an error in the stream into its code and keeps what came before', async () => {
    const error = `data: ${JSON.stringify({ error: { code: 'no_route', message: 'gone' } })}\n\n`;
    const { events, code } = await run(answering(delta('a') + error));
    expect(code).toBe('no_route');
    expect(events.at(-1)).toEqual({ type: 'text-delta', text: 'a' });
  });

  it('says when the stream ended before the answer did', async () => {
    expect((await run(answering(delta('a')))).code).toBe('answer_cut');
  });

  it('says when the relay cannot be reached or sends no JSON', async () => {
    expect((await run(refused)).code).toBe('relay_unreachable');
    expect((await run(answering('data: {oops\n\n'))).code).toBe('invalid_answer');
  });

  it('ends with the reason of the abort', async () => {
    const abort = new AbortController();
    const reason = new DOMException('Stopped.', 'AbortError');
    const events = streamChatCompletion(request, {
      fetch: hanging,
      base: 'http://relay',
      apiKey: null,
      region: null,
      signal: abort.signal,
    });
    expect((await events.next()).value).toEqual({ type: 'text-delta', text: 'a' });
    abort.abort(reason);
    await expect(events.next()).rejects.toBe(reason);
  });
});
