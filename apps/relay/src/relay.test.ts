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

const configure = () =>
  readConfig({
    PORT: '0',
    CONTRIBUTE: '0',
    DATA_DIR: folder,
    MODELS_DIR: new URL('../../../models', import.meta.url).pathname,
  });

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
async function joinAsContributor(): Promise<Network> {
  const document = bootstrapSchema.parse(await (await fetch(`${relay.url}/bootstrap`)).json());
  const [entry] = document.catalog;
  if (entry === undefined) throw new Error('The catalogue is empty.');
  const network = await createNetwork(
    {},
    { role: 'peer', region: document.region, relayMultiaddrs: document.relay.multiaddrs },
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
  network.serve({ generator: echo, served: () => [served], kind: 'node' });
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
