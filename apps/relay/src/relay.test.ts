import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrapSchema, OpenGatewayError } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import OpenAI from 'openai';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';
import { startRelay } from './relay.ts';
import type { Generator, ServedModel } from '@opengateway/core';
import type { Network } from '@opengateway/core/p2p';
import type { Relay } from './relay.ts';
import type { TextClient } from './text-models.ts';

const MODEL = 'smollm2-135m-instruct';
const logger = pino({ level: 'silent' });
const request = { model: MODEL, messages: [{ role: 'user' as const, content: 'abc' }] };
let folder: string;
let relay: Relay;

const environment = () => ({
  PORT: '0',
  CONTRIBUTE: '0',
  DATA_DIR: folder,
  MODELS_DIR: new URL('../../../models', import.meta.url).pathname,
});
const configure = () => readConfig(environment());

const waitingNow = async (): Promise<number> => {
  const text = await (await fetch(`${relay.url}/metrics`)).text();
  return Number(/^opengateway_waiting_requests (\d+)$/m.exec(text)?.[1]);
};

/** Tokens are character codes; 0 ends. */
const characters: TextClient = {
  vocabularySize: 65_536,
  contextLength: 8_192,
  endTokens: [0],
  encodeChat: (messages) =>
    Promise.resolve([...(messages.at(-1)?.content ?? '')].map((letter) => letter.charCodeAt(0))),
  encodeText: (text) => Promise.resolve([...text].map((letter) => letter.charCodeAt(0))),
  tokenBytes: (token) => new TextEncoder().encode(String.fromCharCode(token)),
  close: () => Promise.resolve(),
};

const failToOpen = () => Promise.reject<TextClient>(new OpenGatewayError('unsupported_tokenizer', 'No.'));

/** Says the prompt again. */
const echo: Generator = {
  async *generate({ tokens, promptTokenCount }) {
    yield { type: 'progress', state: 'prefill', done: promptTokenCount, total: promptTokenCount };
    for (const token of tokens.slice(0, promptTokenCount)) yield { type: 'token', token };
    yield { type: 'end', reason: 'stop', timing: { queuedMs: 0, prefillMs: 1, decodeMs: 1 } };
  },
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opengateway-relay-'));
  relay = await startRelay({ logger, openTextClient: () => Promise.resolve(characters) }, configure());
});
afterEach(async () => {
  await relay.stop();
  await rm(folder, { recursive: true });
});

/** A peer that found the relay as any newcomer does, and serves its model. */
async function joinAsContributor(generator = echo): Promise<Network> {
  const document = bootstrapSchema.parse(await (await fetch(`${relay.url}/bootstrap`)).json());
  const [entry] = document.catalog;
  if (entry === undefined) throw new Error('The catalogue is empty.');
  const network = await createNetwork(
    {},
    {
      role: 'peer',
      region: document.region,
      relays: [{ region: document.region, multiaddrs: document.relay.multiaddrs }],
    },
  );
  await network.start();
  const served: ServedModel = {
    id: entry.id,
    manifest: entry.manifest,
    layers: [0, entry.layerCount],
    engine: 'reference',
    contextLength: entry.contextLength,
    slots: 4,
    freeSlots: 4,
    queued: 0,
    decodeTokensPerSecond: 100,
    prefillTokensPerSecond: 100,
  };
  network.serve({ generator, served: () => [served], kind: 'node' });
  return network;
}

describe('startRelay', () => {
  it('is up but not ready without a contributor, and says so to everyone who asks', async () => {
    expect((await fetch(`${relay.url}/healthz`)).status).toBe(200);
    const readiness = await fetch(`${relay.url}/readyz`);
    expect(readiness.status).toBe(503);
    expect(await readiness.json()).toMatchObject({ missing: [`a contributor that serves ${MODEL}`] });
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
    await expect(client.chat.completions.create(request)).rejects.toMatchObject({ status: 503, code: 'no_route' });
  });

  it('is ready and answers once a peer that came through its one port serves the model', async () => {
    const peer = await joinAsContributor();
    expect(await relay.ready).toEqual([MODEL]);
    expect((await fetch(`${relay.url}/readyz`)).status).toBe(200);
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const { data, response } = await client.chat.completions.create(request).withResponse();
    expect(data.choices[0]?.message.content).toBe('abc');
    expect(JSON.parse(response.headers.get('x-opengateway-route') ?? '')).toEqual([
      { peer: peer.peer, engine: 'reference', layers: [0, 30] },
    ]);
    await peer.stop();
  });

  it('shows who can be reached through it, and what went through it', async () => {
    const peer = await joinAsContributor();
    const address = Promise.withResolvers<void>();
    peer.node.addEventListener('transport:listening', () => address.resolve());
    if (peer.multiaddrs().length > 0) address.resolve();
    await address.promise;
    const metrics = await (await fetch(`${relay.url}/metrics`)).text();
    expect(metrics).toMatch(/^opengateway_reservations 1$/m);
    expect(metrics).toMatch(/^opengateway_relayed_bytes_total 0$/m);
    await peer.stop();
  });

  it("answers `auto` with the peer's model, which its bootstrap names as served, and its own region to this machine", async () => {
    const peer = await joinAsContributor();
    await relay.ready;
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const answer = await client.chat.completions.create({ ...request, model: 'auto' });
    expect(answer).toMatchObject({ model: MODEL, choices: [{ message: { content: 'abc' } }] });
    expect(bootstrapSchema.parse(await (await fetch(`${relay.url}/bootstrap`)).json())).toMatchObject({
      region: 'local',
      client: { region: 'local', regionSource: 'relay' },
      relays: [{ region: 'local', url: expect.stringContaining('http://') }],
      catalog: [{ id: MODEL, tier: 'starter' }],
      serving: [MODEL],
    });
    await peer.stop();
  });

  it('lets clients take turns at a full peer', async () => {
    await relay.stop();
    // Clients are told apart by their addresses: here by those that a proxy names.
    const config = readConfig({ ...environment(), TRUSTED_PROXIES: '1' });
    relay = await startRelay({ logger, openTextClient: () => Promise.resolve(characters) }, config);
    let running = 0;
    const release = Promise.withResolvers<void>();
    const peer = await joinAsContributor({
      async *generate(asked, options) {
        if (running > 0) throw new OpenGatewayError('engine_busy', 'Full.', { retryable: true });
        running += 1;
        try {
          yield { type: 'progress', state: 'prefill', done: 0, total: 1 };
          await release.promise;
          yield* echo.generate(asked, options);
        } finally {
          running -= 1;
        }
      },
    });
    await relay.ready;

    const finished: string[] = [];
    const ask = async (name: string, address: string): Promise<void> => {
      const response = await fetch(`${relay.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
        body: JSON.stringify(request),
      });
      await response.json();
      finished.push(name);
    };
    const answers = [ask('first', '130.69.1.1')];
    await expect.poll(() => running).toBe(1);
    for (const [index, name] of ['a1', 'a2', 'a3'].entries()) {
      answers.push(ask(name, '130.69.1.1'));
      await expect.poll(waitingNow).toBe(index + 1);
    }
    answers.push(ask('b1', '18.9.22.169'));
    await expect.poll(waitingNow).toBe(4);
    release.resolve();
    await Promise.all(answers);
    expect(finished).toEqual(['first', 'a1', 'b1', 'a2', 'a3']);
    await peer.stop();
  });

  it('sends requests that it cannot serve to a relay that can', async () => {
    await relay.stop();
    const components = { logger, openTextClient: () => Promise.resolve(characters) };
    relay = await startRelay(components, { ...configure(), region: 'asia' });
    const peer = await joinAsContributor();
    await relay.ready;
    const otherFolder = await mkdtemp(join(tmpdir(), 'opengateway-relay-'));
    const abroad = { region: 'asia', url: new URL(relay.url).origin };
    const other = await startRelay(components, {
      ...configure(),
      dataDirectory: otherFolder,
      region: 'europe',
      relays: [abroad],
    });
    const client = new OpenAI({ baseURL: `${other.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const refusal = (model: string) =>
      client.chat.completions.create({ ...request, model }).catch((error: unknown) => (error as Error).message);
    await expect.poll(() => refusal(MODEL), { timeout: 20_000 }).toContain(`Asia serves ${MODEL}: ${abroad.url}`);
    expect(await refusal('auto')).toContain(`Asia serves some: ${abroad.url}`);
    await other.stop();
    await peer.stop();
    await rm(otherFolder, { recursive: true });
  });

  it('tells nobody an address of this machine where it listens on all of them, and says what to set', async () => {
    await relay.stop();
    const lines: string[] = [];
    const listening = (environmentOf: object) =>
      startRelay(
        { logger: pino({ level: 'warn' }, { write: (line) => void lines.push(line) }), openTextClient: failToOpen },
        readConfig({ ...environment(), OPEN: '1', RELAYS: 'asia=http://127.0.0.1:1', ...environmentOf }),
      );
    const told = async () => {
      const { multiaddrs } = bootstrapSchema.parse(await (await fetch(`${relay.url}/bootstrap`)).json()).relay;
      const relays = [{ region: 'local', multiaddrs }];
      const stranger = await createNetwork({}, { role: 'peer', region: 'local', relays });
      const identified = new Promise<readonly string[]>((resolve) => {
        stranger.node.addEventListener('peer:identify', ({ detail }) => resolve(detail.listenAddrs.map(String)));
      });
      await stranger.start();
      const addresses = await identified;
      // Others reach it by way of the relay all the same: by the address at which it dialled that.
      await expect.poll(() => stranger.multiaddrs().join()).toContain('/p2p-circuit');
      await stranger.stop();
      return addresses;
    };
    relay = await listening({ HOST: '0.0.0.0' });
    expect(await told()).toEqual([]);
    expect(lines.join('')).toContain('set PUBLIC_URL');
    await relay.stop();

    lines.length = 0;
    relay = await listening({ HOST: '0.0.0.0', PUBLIC_URL: 'http://relay.example', TRUSTED_PROXIES: '1' });
    expect(lines.join('')).not.toContain('set PUBLIC_URL');
    await relay.stop();
    relay = await listening({ HOST: '127.0.0.1' });
    expect(await told()).toEqual([expect.stringContaining(`/ip4/127.0.0.1/tcp/${new URL(relay.url).port}/ws`)]);
    expect(lines.join('')).not.toContain('set PUBLIC_URL');
  });

  it('keeps its identity over a restart', async () => {
    const peerOf = async () => bootstrapSchema.parse(await (await fetch(`${relay.url}/bootstrap`)).json()).relay.peer;
    const before = await peerOf();
    await relay.stop();
    relay = await startRelay({ logger, openTextClient: () => Promise.resolve(characters) }, configure());
    expect(await peerOf()).toBe(before);
  });

  it('answers 503 where a tokenizer cannot be built, and names it', async () => {
    await relay.stop();
    relay = await startRelay({ logger, openTextClient: failToOpen }, configure());
    const client = new OpenAI({ baseURL: `${relay.url}/v1`, apiKey: 'none', maxRetries: 0 });
    await expect(client.chat.completions.create(request)).rejects.toMatchObject({
      status: 503,
      code: 'model_not_ready',
    });
    expect(await (await fetch(`${relay.url}/readyz`)).json()).toMatchObject({
      missing: [`the tokenizer of ${MODEL}`],
    });
  });
});
