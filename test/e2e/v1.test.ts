import { readFile } from 'node:fs/promises';
import OpenAI, { BadRequestError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Relay } from './relay-process.ts';

const MODEL = 'smollm2-135m-instruct';

async function activeAnswers(relay: Relay): Promise<number> {
  const metrics = await (await fetch(`${relay.url}/metrics`)).text();
  return Number(/^opengateway_active_answers(?:\{.*\})? (\d+)/m.exec(metrics)?.[1] ?? Number.NaN);
}

const ask = (client: OpenAI, extra: object) =>
  client.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content: 'Hi' }], ...extra } as never);

describe('/v1 on the embedded model, through the official openai package', () => {
  let relay: Relay;
  let client: OpenAI;

  beforeAll(async () => {
    relay = await Relay.start({ contribute: true });
    await relay.until('/readyz');
    client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
  });
  afterAll(() => relay[Symbol.asyncDispose]());

  it('lists the model', async () => {
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toContain(MODEL);
  });

  it('answers golden conversation 0 as golden does, streamed or not', async () => {
    const golden = JSON.parse(await readFile(new URL('../fixtures/golden.json', import.meta.url), 'utf8'));
    const { messages, text, promptTokens } = golden.conversations[0];
    const request = { model: MODEL, messages, temperature: 0 } as const;
    const { data, response } = await client.chat.completions.create(request).withResponse();
    expect(data.choices[0]).toMatchObject({ message: { role: 'assistant', content: text }, finish_reason: 'stop' });
    expect(data.usage?.prompt_tokens).toBe(promptTokens.length);
    const [stage] = JSON.parse(response.headers.get('x-opengateway-route')!);
    expect(stage).toMatchObject({ engine: 'wasm', layers: [0, 30] });

    let streamed = '';
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
      streamed += chunk.choices[0]?.delta.content ?? '';
    }
    expect(streamed).toBe(text);
  });

  it('gives the same answer for the same seed, and logprobs whose text adds up', async () => {
    const request = {
      model: MODEL,
      messages: [{ role: 'user', content: 'Name three rivers.' }],
      seed: 7,
      temperature: 0.9,
      max_tokens: 24,
      logprobs: true,
      top_logprobs: 3,
    } as const;
    const [left, right] = [
      await client.chat.completions.create({ ...request, messages: [...request.messages] }),
      await client.chat.completions.create({ ...request, messages: [...request.messages] }),
    ];
    expect(left.choices[0]!.message.content).toBe(right.choices[0]!.message.content);
    const content = left.choices[0]!.logprobs!.content!;
    expect(content.map(({ token }) => token).join('')).toBe(left.choices[0]!.message.content);
    for (const { top_logprobs } of content) expect(top_logprobs).toHaveLength(3);
  });

  it('streams to eight clients at once, none waiting for another to end', async () => {
    const order: number[] = [];
    const lengths = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        let tokens = 0;
        const stream = await client.chat.completions.create({
          model: MODEL,
          messages: [{ role: 'user', content: `Tell me a long story about number ${index}.` }],
          temperature: 0,
          max_tokens: 128,
          stream: true,
          stream_options: { include_usage: true },
        });
        for await (const chunk of stream) {
          if (chunk.choices[0]?.delta.content) order.push(index);
          tokens = chunk.usage?.completion_tokens ?? tokens;
        }
        order.push(-1);
        return tokens;
      }),
    );
    expect(lengths.every((tokens) => tokens > 0 && tokens <= 128)).toBe(true);
    // Every stream has given text before the first one ended.
    expect(new Set(order.slice(0, order.indexOf(-1))).size).toBe(8);
  });

  it('stops computing when the client goes away', async () => {
    const controller = new AbortController();
    const stream = await client.chat.completions.create(
      { model: MODEL, messages: [{ role: 'user', content: 'Count to one thousand.' }], max_tokens: 1000, stream: true },
      { signal: controller.signal },
    );
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    controller.abort();
    await expect.poll(() => activeAnswers(relay), { timeout: 2_000 }).toBe(0);
  });

  it('gives typed errors', async () => {
    await expect(ask(client, { model: 'gpt-4' })).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
    await expect(ask(client, { temperature: 'hot' })).rejects.toBeInstanceOf(BadRequestError);
    await expect(ask(client, { tools: [{ type: 'function', function: { name: 'f' } }] })).rejects.toMatchObject({
      status: 400,
      param: 'tools',
    });
    const endless = [{ role: 'user', content: 'word '.repeat(9000) }];
    await expect(ask(client, { messages: endless })).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
    });
  });
});

describe('/v1 with nobody to serve', () => {
  it('answers 503 with Retry-After, and /readyz says what is missing', async () => {
    await using relay = await Relay.start({ contribute: false });
    const ready = await fetch(`${relay.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(JSON.stringify(await ready.json())).toContain(MODEL);
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const request = { model: MODEL, messages: [{ role: 'user' as const, content: 'Hi' }] };
    const error = await client.chat.completions.create(request).then(
      () => expect.fail('answered'),
      (failure: InstanceType<typeof OpenAI.APIError>) => failure,
    );
    expect(error.status).toBe(503);
    expect(error.headers?.get('retry-after')).toMatch(/^\d+$/);
  });
});
