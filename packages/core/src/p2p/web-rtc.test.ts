import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../clock.ts';
import { createNetwork } from './create-network.ts';
import type { Network } from './network.ts';
import { createPeerDialer } from './peer-dialer.ts';
import { holdCandidates } from './web-rtc.ts';
import { placeOf } from './networks.fixture.ts';

const text = (bytes: { subarray(): Uint8Array }) => new TextDecoder().decode(bytes.subarray());
const bytes = (message: string) => new TextEncoder().encode(message);

/** The next message of a stream. */
const next = (stream: Stream): Promise<string> =>
  new Promise((resolve) => stream.addEventListener('message', ({ data }) => resolve(text(data)), { once: true }));

describe('signalling', () => {
  it('holds what follows the offer until the answer has come', async () => {
    const [dialling, answering] = await streamPair();
    const received: string[] = [];
    const complete = Promise.withResolvers<void>();
    answering.addEventListener('message', ({ data }) => {
      received.push(text(data));
      if (received.join('').endsWith('second')) complete.resolve();
    });
    const offered = next(answering);
    holdCandidates(dialling);
    for (const message of ['offer', 'first', 'second']) dialling.send(bytes(message));
    await offered;
    expect(received).toEqual(['offer']);
    answering.send(bytes('answer'));
    await complete.promise;
    expect(received.join(' ')).toMatch(/^offer ?first ?second$/);
    const later = next(answering);
    dialling.send(bytes('third'));
    expect(await later).toBe('third');
  });
});

const networks: Network[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(networks.splice(0).map((network) => network.stop()));
});

async function start(init: Parameters<typeof createNetwork>[1]): Promise<Network> {
  const network = await createNetwork({}, init);
  networks.push(network);
  await network.start();
  return network;
}

/** The configuration with which libp2p made the connections of a dial between two fresh peers. */
async function configurationOfADial(iceServers?: readonly string[]): Promise<unknown> {
  const library = 'node-datachannel/polyfill';
  const { RTCPeerConnection } = await import(library);
  const channels = vi.spyOn(RTCPeerConnection.prototype, 'createDataChannel');
  const relay = await start({ role: 'relay', region: 'europe' });
  const peer = { role: 'peer', region: 'europe', relays: [placeOf(relay)], iceServers } as const;
  const [a, b] = await Promise.all([start(peer), start(peer)]);
  await Promise.all(
    [a, b].map(
      ({ node }) => new Promise((resolve) => node.addEventListener('self:peer:update', resolve, { once: true })),
    ),
  );
  const dialer = createPeerDialer({ node: a.node, clock: systemClock }, { role: 'peer' });
  await dialer.connect(b.peer, { signal: new AbortController().signal });
  dialer.stop();
  const [connection] = channels.mock.contexts as { getConfiguration(): { iceServers: unknown } }[];
  return connection?.getConfiguration().iceServers;
}

describe('the servers that WebRTC asks', () => {
  it('are none unless somebody named some', async () => {
    expect(await configurationOfADial()).toEqual([]);
  });

  it('are those that were named', async () => {
    expect(await configurationOfADial(['stun:127.0.0.1:9', 'no server'])).toEqual([{ urls: ['stun:127.0.0.1:9'] }]);
  });
});
