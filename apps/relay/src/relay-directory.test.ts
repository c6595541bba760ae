import { createServer } from 'node:http';
import { FakeClock } from '@opengateway/core/testing';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRelayDirectory } from './relay-directory.ts';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RelayDirectory } from './relay-directory.ts';

const logger = pino({ level: 'silent' });
const document = { protocol: 1, relay: { peer: '12D3KooW', multiaddrs: [] }, region: 'asia', catalog: [] };

let server: Server;
let answer: () => string;
let asked: () => void;
let directory: RelayDirectory | undefined;
beforeEach(async () => {
  asked = () => {};
  server = createServer((_request, response) => {
    response.end(answer());
    asked();
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => {
    server.once('listening', resolve);
  });
});
afterEach(() => {
  directory?.stop();
  server.close();
  server.closeAllConnections();
});

const relay = () => ({ region: 'asia', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });

describe('the directory of relays', () => {
  it('knows which of them serve a model, and hears of changes', async () => {
    const clock = new FakeClock();
    answer = () => JSON.stringify({ ...document, serving: ['large'] });
    directory = createRelayDirectory({ logger, clock }, [relay(), { region: 'africa', url: 'http://127.0.0.1:1' }]);
    await directory.asked;
    expect(directory.relaysWith('large')).toEqual([relay()]);
    expect(directory.relaysWith('small')).toEqual([]);
    const again = new Promise<void>((resolve) => {
      asked = resolve;
    });
    answer = () => JSON.stringify({ ...document, serving: ['small'] });
    await clock.advance(60_000);
    await again;
    await expect.poll(() => directory?.relaysWith('small')).toEqual([relay()]);
    expect(directory.relaysWith('large')).toEqual([]);
  });

  it.each([
    ['no document', '{}'],
    ['no JSON', '<html>'],
    ['another region than it was named for', JSON.stringify({ ...document, region: 'europe', serving: ['large'] })],
    ['a flood', 'x'.repeat(3 * 1_048_576)],
    ['nothing of what it serves', JSON.stringify(document)],
  ])('knows nothing of a relay that sends %s', async (_name, text) => {
    answer = () => text;
    directory = createRelayDirectory({ logger }, [relay()]);
    await directory.asked;
    expect(directory.relaysWith('large')).toEqual([]);
  });

  it('asks nobody where no relays are named', async () => {
    directory = createRelayDirectory({ logger }, []);
    await directory.asked;
    expect(directory.relaysWith('large')).toEqual([]);
  });
});
