import { bootstrapSchema, OpenGatewayError } from '@opengateway/core';
import { failing, failingAfter, FakeClock } from '@opengateway/core/testing';
import OpenAI from 'openai';
import pino from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { CHAT_PATH, chatInit, createTestApp, MINIMAL_CHAT } from './app.fixture.ts';
import { CompletionRate } from './completion-rate.ts';
import { clientAddressReader } from './geo/read-client-address.ts';
import { parseTrustedProxies } from './geo/trusted-proxies.ts';
import { startTestServer } from './server.fixture.ts';
import type { ErrorBody } from '@opengateway/core';

const RELAYS = [
  { region: 'africa', url: 'https://af.example' },
  { region: 'asia', url: 'https://as.example' },
  { region: 'middle-east', url: 'https://me.example' },
] as const;
const COUNTRIES: Readonly<Record<string, string>> = { '130.69.1.1': 'JP', '18.9.22.169': 'US' };

const atEurope = {
  region: 'europe',
  relays: () => RELAYS,
  countryOf: ({ text }: { readonly text: string }) => COUNTRIES[text],
};
/** What a handler sees of a socket. */
const socketOf = (remoteAddress: string) => ({ incoming: { socket: { remoteAddress } } });

let fixture: ReturnType<typeof createTestApp>;
beforeEach(() => {
  fixture = createTestApp(atEurope);
});

const chat = (body: object = {}, headers: Record<string, string> = {}, remoteAddress = '127.0.0.1') => {
  const init = chatInit({ ...MINIMAL_CHAT, ...body });
  return fixture.app.request(
    CHAT_PATH,
    { ...init, headers: { 'content-type': 'application/json', ...headers } },
    socketOf(remoteAddress),
  );
};
const errorOf = async (response: Response) => ((await response.json()) as ErrorBody).error;

const ask = async (remoteAddress: string, path = '/bootstrap', headers: Record<string, string> = {}) => {
  const response = await fixture.app.request(path, { headers }, socketOf(remoteAddress));
  return bootstrapSchema.parse(await response.json());
};

describe('GET /bootstrap', () => {
  it('tells a client where it is by its address, and the relays that are near to that', async () => {
    const document = await ask('::ffff:130.69.1.1');
    expect(document.region).toBe('europe');
    expect(document.client).toEqual({ region: 'asia', regionSource: 'address' });
    expect(document.relays?.map(({ region }) => region)).toEqual(['asia', 'middle-east', 'europe', 'africa']);
    expect(document.relays?.[2]).toEqual({
      region: 'europe',
      url: 'http://localhost',
      multiaddrs: document.relay.multiaddrs,
    });
  });

  it('takes its own region for an address that tells nothing, and says so', async () => {
    expect((await ask('192.168.1.7')).client).toEqual({ region: 'europe', regionSource: 'relay' });
    const nowhere = await fixture.app.request('/bootstrap');
    expect(await nowhere.json()).toMatchObject({ client: { region: 'europe', regionSource: 'relay' } });
  });

  it('takes the word of a client on its region, in the address or in a header', async () => {
    const client = { region: 'oceania', regionSource: 'override' };
    expect((await ask('130.69.1.1', '/bootstrap?region=oceania')).client).toEqual(client);
    expect((await ask('130.69.1.1', '/bootstrap', { 'x-opengateway-region': 'oceania' })).client).toEqual(client);
    expect((await ask('130.69.1.1', '/bootstrap?region=')).client?.regionSource).toBe('address');
  });

  it('refuses a region that is none, by the name of the parameter', async () => {
    const response = await fixture.app.request('/bootstrap?region=atlantis');
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_value', param: 'region' });
  });

  it('believes X-Forwarded-For from trusted proxies alone', async () => {
    const forwarded = { 'x-forwarded-for': '18.9.22.169, 130.69.1.1' };
    expect((await ask('10.0.0.1', '/bootstrap', forwarded)).client?.regionSource).toBe('relay');
    const trustedProxies = parseTrustedProxies('10.0.0.0/8') ?? null;
    fixture = createTestApp({ ...atEurope, clientAddress: clientAddressReader({ trustedProxies, publicUrl: null }) });
    expect((await ask('10.0.0.1', '/bootstrap', forwarded)).client?.region).toBe('asia');
    expect((await ask('18.9.22.169', '/bootstrap', forwarded)).client?.region).toBe('north-america');
    expect((await ask('10.0.0.1', '/bootstrap', { 'x-forwarded-for': 'nonsense' })).client?.regionSource).toBe('relay');
  });

  it('takes no address behind a proxy that nobody named', async () => {
    const publicUrl = new URL('https://relay.example');
    const clientAddress = clientAddressReader({ trustedProxies: null, publicUrl });
    fixture = createTestApp({ ...atEurope, publicUrl, clientAddress });
    const { client, relays } = await ask('18.9.22.169');
    expect(client).toEqual({ region: 'europe', regionSource: 'relay' });
    expect(relays?.[0]).toMatchObject({ region: 'europe', url: 'https://relay.example' });
  });

  it('reads the address of a real socket', async () => {
    const relay = await startTestServer({
      app: { ...atEurope, countryOf: ({ text }) => (text === '127.0.0.1' ? 'JP' : undefined) },
    });
    const document = bootstrapSchema.parse(await (await fetch(`${relay.url}/bootstrap`)).json());
    expect(document.client).toEqual({ region: 'asia', regionSource: 'address' });
    await relay.server.close();
  });
});

describe('the model `auto`', () => {
  it('is the best that can be served now, and the answer says which that was', async () => {
    fixture = createTestApp({ bestModel: () => 'large' });
    const response = await chat({ model: 'auto', n: 2 });
    expect(await response.json()).toMatchObject({ model: 'large' });
    expect(fixture.completions.requests.map(({ model }) => model)).toEqual(['large', 'large']);
  });

  it('is 503 where nothing is served', async () => {
    const response = await chat({ model: 'auto' });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await errorOf(response)).toMatchObject({ code: 'no_route', message: 'Nobody here serves any model now.' });
    expect(fixture.gate.active).toBe(0);
  });
});

describe('the model `auto` where others serve', () => {
  it('names their relays, nearest first', async () => {
    const asked: (string | undefined)[] = [];
    const relaysWith = (model?: string) => {
      asked.push(model);
      return RELAYS;
    };
    // What was served a moment ago is not what `auto` stands for now.
    fixture = createTestApp({ ...atEurope, serving: () => ['tiny'], relaysWith });
    const response = await chat({ model: 'auto' });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await errorOf(response)).toMatchObject({
      code: 'no_route',
      message:
        'Nobody here serves any model now. Middle East serves some: https://me.example Africa serves some: https://af.example Asia serves some: https://as.example',
    });
    expect(asked).toEqual([undefined]);
  });
});

describe('a request for a region', () => {
  it("is answered where it is the relay's own", async () => {
    expect((await chat({}, { 'x-opengateway-region': 'europe' })).status).toBe(200);
    expect((await chat({}, { 'x-opengateway-region': '' })).status).toBe(200);
  });

  it('is sent to the relays of another region, and goes nowhere by itself', async () => {
    const response = await chat({}, { 'x-opengateway-region': 'asia' });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBeNull();
    expect(await errorOf(response)).toEqual({
      message: 'This relay serves Europe, not Asia. Relays there: https://as.example',
      type: 'server_error',
      param: 'x-opengateway-region',
      code: 'other_region',
    });
    const nobody = await chat({}, { 'x-opengateway-region': 'oceania' });
    expect((await errorOf(nobody)).message).toBe('This relay serves Europe, not Oceania. It knows no relay there.');
    expect(fixture.completions.requests).toEqual([]);
  });

  it('is 400 where there is no such region', async () => {
    const response = await chat({}, { 'x-opengateway-region': 'atlantis' });
    expect(response.status).toBe(400);
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_value', param: 'x-opengateway-region' });
  });

  it("is not tried again by OpenAI's own client", async () => {
    const relay = await startTestServer({ app: atEurope });
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 3 });
    const answer = client.chat.completions.create(
      { model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] },
      { headers: { 'x-opengateway-region': 'asia' } },
    );
    await expect(answer).rejects.toMatchObject({ status: 503, code: 'other_region' });
    const { values } = await relay.metrics.requests.get();
    expect(values.map(({ value }) => value)).toEqual([1]);
    await relay.server.close();
  });
});

describe('clients', () => {
  it('are told apart by their addresses, of which nothing can be read', async () => {
    await chat({ n: 2 }, {}, '130.69.1.1');
    await chat({}, {}, '18.9.22.169');
    await chat({}, {}, '::ffff:130.69.1.1');
    const clients = fixture.completions.requests.map(({ client }) => client);
    expect(clients[0]).toMatch(/^[\w-]{22}$/);
    expect(clients).toEqual([clients[0], clients[0], clients[2], clients[0]]);
    expect(clients[2]).not.toBe(clients[0]);
    expect(createTestApp().completions.requests).toEqual([]);
  });

  it('are one where no address is known', async () => {
    fixture = createTestApp({ clientAddress: () => undefined });
    await chat();
    expect(fixture.completions.requests[0]).not.toHaveProperty('client');
  });

  it('share the addresses of one IPv6 network', async () => {
    await chat({}, {}, '2001:620:0:1::1');
    await chat({}, {}, '2001:620:0:1:2:3:4:5');
    await chat({}, {}, '2001:620:0:2::1');
    const [one, same, other] = fixture.completions.requests.map(({ client }) => client);
    expect(one).toBe(same);
    expect(other).not.toBe(one);
  });
});

describe('an address', () => {
  it('is in no log line, no metric and no answer', async () => {
    let lines = '';
    const logger = pino({ level: 'trace' }, { write: (line) => (lines += line) });
    fixture = createTestApp({ ...atEurope, logger });
    fixture.completions.script = failing(new Error('Nobody expects this.'));
    const answers = [await ask('130.69.1.1'), await (await chat({}, {}, '130.69.1.1')).text()];
    await chat({ model: 'auto' }, { 'x-forwarded-for': '18.9.22.169' }, '130.69.1.1');
    const metrics = await fixture.metrics.registry.metrics();
    expect(lines).toContain('request failed');
    for (const text of [lines, metrics, JSON.stringify(answers)]) {
      expect(text).not.toContain('130.69.1.1');
      expect(text).not.toContain('18.9.22.169');
    }
  });
});

describe('a full relay', () => {
  it('says when to come back by how fast answers end', async () => {
    const clock = new FakeClock();
    const rate = new CompletionRate(clock);
    fixture = createTestApp({ rate, waiting: () => 9 });
    fixture.completions.script = failing(new OpenGatewayError('capacity', 'Full.'));
    expect((await chat()).headers.get('retry-after')).toBe('2');
    rate.note();
    await clock.advance(1_000);
    rate.note();
    await clock.advance(1_000);
    // Two ends in two seconds, ten requests to get a place.
    const response = await chat();
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('10');
  });

  it('counts every choice that ends', async () => {
    const clock = new FakeClock();
    const rate = new CompletionRate(clock);
    fixture = createTestApp({ rate });
    await chat({ n: 3 });
    await clock.advance(1_000);
    expect(rate.perSecond()).toBe(3);
  });
});

describe('a model that is not to be had', () => {
  const noRoute = new OpenGatewayError('no_route', 'Nobody serves tiny now.', { retryable: true });
  const elsewhere = { ...atEurope, serving: () => ['tiny', 'small', 'large'], relaysWith: () => RELAYS.slice(0, 2) };

  it('is 503 with the models that are, and the relays that have it, nearest first', async () => {
    fixture = createTestApp(elsewhere);
    fixture.completions.script = failing(noRoute);
    const response = await chat();
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await errorOf(response)).toMatchObject({
      code: 'no_route',
      message:
        'Nobody serves tiny now. Served here now: small, large. Africa serves tiny: https://af.example Asia serves tiny: https://as.example',
    });
  });

  it('says so in a stream that has begun, too', async () => {
    fixture = createTestApp(elsewhere);
    fixture.completions.script = failingAfter('Hel', noRoute);
    expect(await (await chat({ stream: true })).text()).toContain('Served here now: small, large.');
  });

  it('says who has a model that this relay does not even know', async () => {
    fixture = createTestApp(elsewhere);
    fixture.completions.script = failing(new OpenGatewayError('model_not_found', 'No such model.'));
    const response = await chat();
    expect(response.status).toBe(404);
    expect((await errorOf(response)).message).toContain('Asia serves tiny: https://as.example');
  });

  it('keeps its own words short where there is much to say', async () => {
    const many = Array.from({ length: 40 }, (_, index) => `model-${index}`);
    fixture = createTestApp({ ...elsewhere, serving: () => many });
    fixture.completions.script = failing(new OpenGatewayError('no_route', 'why '.repeat(200)));
    const { message } = await errorOf(await chat());
    expect(message.length).toBeLessThanOrEqual(500);
    expect(message).toContain('model-5 and 34 more.');
    expect(message).toMatch(/https:\/\/as\.example$/);
  });

  it('leaves other failures as they are', async () => {
    fixture = createTestApp(elsewhere);
    fixture.completions.script = failing(new OpenGatewayError('context_length_exceeded', 'Too long.'));
    expect((await errorOf(await chat())).message).toBe('Too long.');
  });
});
