import { systemClock } from '@opengateway/core';
import { FakeCompletions } from '@opengateway/core/testing';
import pino from 'pino';
import { createApp } from './app.ts';
import { createClientKeys } from './client-key.ts';
import { CompletionRate } from './completion-rate.ts';
import { DrainGate } from './drain-gate.ts';
import { clientAddressReader } from './geo/read-client-address.ts';
import { createMetrics } from './metrics.ts';
import { hostCheck } from './middleware/allowed-host.ts';
import type { PeerName } from '@opengateway/core';
import type { AppDependencies } from './app.ts';

/** An app on fakes, with everything of it that a test may want to look at. */
export function createTestApp(overrides: Partial<AppDependencies> = {}) {
  const completions = new FakeCompletions();
  const gate = new DrainGate();
  const metrics = createMetrics({
    peers: () => 1,
    activeAnswers: () => gate.active,
    upgradedConnections: () => 0,
    waitingRequests: () => 0,
    relayedBytes: () => 0,
    reservations: () => 0,
  });
  const app = createApp({
    completions,
    gate,
    metrics,
    logger: pino({ level: 'silent' }),
    catalog: [],
    site: { get: () => Promise.resolve(undefined) },
    peer: '12D3KooWRelay' as PeerName,
    region: 'local',
    publicUrl: null,
    iceServers: [],
    countryOf: () => undefined,
    clientAddress: clientAddressReader({ trustedProxies: null, publicUrl: null }),
    clientKeyOf: createClientKeys(),
    rate: new CompletionRate(systemClock),
    waiting: () => 0,
    bestModel: () => undefined,
    serving: () => [],
    relays: () => [],
    relaysWith: () => [],
    apiKey: null,
    hostAllowed: hostCheck({ loopback: true, publicUrl: null }),
    missing: () => [],
    ...overrides,
  });
  return { app, completions, gate, metrics };
}

export const CHAT_PATH = '/v1/chat/completions';

/** A chat request as any client sends it. */
export const chatInit = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

export const MINIMAL_CHAT = { model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] };
