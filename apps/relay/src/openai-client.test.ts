import { OpenGatewayError } from '@opengateway/core';
import { answering, endEvent, failing, failingAfter, hanging, routeEvent, textEvent } from '@opengateway/core/testing';
import OpenAI, {
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestServer, until } from './server.fixture.ts';
import type { FakeScript } from '@opengateway/core/testing';

let relay: Awaited<ReturnType<typeof startTestServer>>;
let client: OpenAI;
const request = { model: 'tiny', messages: [{ role: 'user' as const, content: 'Hi' }] };

const connect = (apiKey = 'none') => new OpenAI({ baseURL: `${relay.url}/v1`, apiKey, maxRetries: 0 });

beforeEach(async () => {
  relay = await startTestServer();
  client = connect();
});
afterEach(() => relay.server.close());

const withLogprobs: FakeScript = async function* script() {
  yield routeEvent();
  const logprobs = [{ text: 'Hi', bytes: [72, 105], logprob: -0.1, top: [] }];
  yield { type: 'text-delta', text: 'Hi', tokens: 1, logprobs };
  yield endEvent(1, 'length');
};

const failure = async (code: string): Promise<APIError> => {
  relay.completions.script = failing(new OpenGatewayError(code, `It is ${code}.`));
  const error: unknown = await client.chat.completions.create(request).catch((reason: unknown) => reason);
  return error as APIError;
};

describe('the official openai package', () => {
  it('gets a whole answer, with its request id', async () => {
    const { data, request_id: requestId } = await client.chat.completions.create(request).withResponse();
    expect(data.choices[0]?.message.content).toBe('Hello there');
    expect(requestId).toMatch(/^req_/);
  });

  it('streams an answer with usage', async () => {
    relay.completions.script = answering('One ', 'two ', 'three');
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let total: number | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      total = chunk.usage?.total_tokens ?? total;
    }
    expect(text).toBe('One two three');
    expect(total).toBe(8);
  });

  it('puts a stream together with its own helper, n and logprobs included', async () => {
    relay.completions.script = withLogprobs;
    const answer = await client.chat.completions.stream({ ...request, n: 2, logprobs: true }).finalChatCompletion();
    expect(answer.choices.map(({ message, finish_reason: reason }) => [message.content, reason])).toEqual([
      ['Hi', 'length'],
      ['Hi', 'length'],
    ]);
    expect(answer.choices[1]?.logprobs?.content?.[0]?.bytes).toEqual([72, 105]);
  });

  it('stops the computation when it aborts a stream', async () => {
    relay.completions.script = hanging('One');
    const stream = await client.chat.completions.create({ ...request, stream: true });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content === 'One') break;
    }
    await until(() => relay.completions.running === 0);
    expect(relay.completions.aborted).toBe(1);
    await until(() => relay.gate.active === 0);
  });

  it('stops the computation when it gives up on an answer that is not streamed', async () => {
    relay.completions.script = hanging('One');
    const abort = new AbortController();
    const answer = client.chat.completions.create(request, { signal: abort.signal });
    await until(() => relay.completions.running === 1);
    abort.abort();
    await expect(answer).rejects.toBeInstanceOf(APIUserAbortError);
    await until(() => relay.completions.running === 0 && relay.gate.active === 0);
  });

  it('gets the error class that each failure has', async () => {
    expect(await failure('context_length_exceeded')).toBeInstanceOf(BadRequestError);
    expect(await failure('model_not_found')).toBeInstanceOf(NotFoundError);
    expect(await failure('capacity')).toBeInstanceOf(RateLimitError);
    const unavailable = await failure('no_route');
    expect(unavailable).toBeInstanceOf(InternalServerError);
    expect(unavailable).toMatchObject({ status: 503, code: 'no_route', message: '503 It is no_route.' });
    expect(unavailable.headers?.get('retry-after')).toBe('5');
    await relay.server.close();
    relay = await startTestServer({ app: { apiKey: 'sesame-sesame-sesame' } });
    client = connect('wrong');
    await expect(client.models.list()).rejects.toBeInstanceOf(AuthenticationError);
  });

  it('gets the name of a parameter that is refused', async () => {
    const error: unknown = await client.chat.completions
      .create({ ...request, tools: [{ type: 'function', function: { name: 'f' } }] })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'tools' });
  });

  it('gets a typed error from a stream that fails half-way', async () => {
    relay.completions.script = failingAfter('One', new OpenGatewayError('route_lost', 'All gone.'));
    const stream = await client.chat.completions.create({ ...request, stream: true });
    let text = '';
    const reading = (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    })();
    await expect(reading).rejects.toMatchObject({ code: 'route_lost' });
    await expect(reading).rejects.toBeInstanceOf(APIError);
    expect(text).toBe('One');
  });

  it('runs eight streams side by side, none waiting for another', async () => {
    const allStarted = Promise.withResolvers<void>();
    relay.completions.script = async function* script() {
      yield routeEvent();
      yield textEvent('first');
      await allStarted.promise;
      yield endEvent(1);
    };
    const streams = await Promise.all(
      Array.from({ length: 8 }, () => client.chat.completions.create({ ...request, stream: true })),
    );
    let firstTexts = 0;
    await Promise.all(
      streams.map(async (stream) => {
        for await (const chunk of stream) {
          if (chunk.choices[0]?.delta.content !== 'first') continue;
          firstTexts += 1;
          if (firstTexts === 8) allStarted.resolve();
        }
      }),
    );
    expect(firstTexts).toBe(8);
  });
});
