import type { PeerId } from '@libp2p/interface';
import type { KadDHTComponents } from '@libp2p/kad-dht';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_DHT_ADDRESSES, MAX_HEARSAY_RELAYS } from './constants.ts';
import { dhtParts } from './dht-parts.ts';

const ASIA = peerIdFromString('12D3KooWC1xzMythdA48cMCwtBxB1gMuwYofr7e7TvNibbBENgMq');
const INSIDE = multiaddr('/ip4/10.0.0.7/tcp/80/ws');
const OUTSIDE = multiaddr('/ip4/8.8.8.8/tcp/443/wss');

let own: string;
let connected: boolean;
let dialled: string[];

beforeEach(() => {
  own = '/ip4/127.0.0.1/tcp/1/ws';
  connected = false;
  dialled = [];
});

const setUp = () =>
  dhtParts({
    addressManager: { getAddresses: () => [multiaddr(own)] },
    connectionManager: {
      getConnections: () => (connected ? [{}] : []),
      async openStream(to: unknown) {
        dialled = [to].flat().map(String);
        return new EventTarget();
      },
    },
    peerStore: { has: async () => false },
    ping: { ping: async () => 7 },
    registrar: {},
  } as unknown as KadDHTComponents);

/** Where a look-up that goes on to a relay dials it. */
async function target({ parts }: ReturnType<typeof dhtParts>, relay: PeerId = ASIA): Promise<string[]> {
  await parts.connectionManager.openStream(relay, '/test');
  return dialled;
}

describe('relays that answers named', () => {
  it('are dialled where they are said to be, by their names', async () => {
    const parts = setUp();
    expect(await target(parts)).toEqual([`${ASIA}`]);
    parts.hear({ id: ASIA, multiaddrs: [INSIDE, OUTSIDE] });
    expect(await target(parts)).toEqual([`${INSIDE}/p2p/${ASIA}`, `${OUTSIDE}/p2p/${ASIA}`]);
    connected = true;
    expect(await target(parts)).toEqual([`${ASIA}`]);
  });

  it('are dialled outside only by a relay that is outside itself', async () => {
    own = '/dns4/relay.example/tcp/443/wss';
    const parts = setUp();
    parts.hear({ id: ASIA, multiaddrs: [INSIDE, OUTSIDE] });
    expect(await target(parts)).toEqual([`${OUTSIDE}/p2p/${ASIA}`]);
    parts.hear({ id: ASIA, multiaddrs: [INSIDE] });
    expect(await target(parts)).toEqual([`${ASIA}`]);
  });

  it('are not dialled only because they were named', async () => {
    const { parts, hear } = setUp();
    hear({ id: ASIA, multiaddrs: [OUTSIDE] });
    await expect(parts.ping.ping(ASIA)).rejects.toThrow('hearsay');
    connected = true;
    expect(await parts.ping.ping(ASIA)).toBe(7);
  });

  it('are remembered up to a number, each with some addresses', async () => {
    const parts = setUp();
    parts.hear({
      id: ASIA,
      multiaddrs: Array.from({ length: 100 }, (_, port) => multiaddr(`/ip4/8.8.8.8/tcp/${port + 1}`)),
    });
    expect(await target(parts)).toHaveLength(MAX_DHT_ADDRESSES);
    for (let index = 0; index < MAX_HEARSAY_RELAYS; index++)
      parts.hear({ id: { toString: () => `relay${index}` } as PeerId, multiaddrs: [] });
    expect(await target(parts)).toEqual([`${ASIA}`]);
  });
});
