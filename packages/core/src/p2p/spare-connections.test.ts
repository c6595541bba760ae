import type { Connection } from '@libp2p/interface';
import { beforeEach, describe, expect, it } from 'vitest';
import { INFERENCE_PROTOCOL } from '../inference/messages.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { FakeNode, randomPeer, RELAY_ADDRESS } from './connections.fixture.ts';
import type { FakeConnectionInit } from './connections.fixture.ts';
import { PEER_BUSY_CONNECTIONS, RELAYED_LINGER_MS } from './constants.ts';
import type { OpenGatewayNode } from './node.ts';
import { endSpareConnections } from './spare-connections.ts';

const BACKGROUND = ['/ipfs/id/1.0.0', '/ipfs/id/push/1.0.0', '/ipfs/ping/1.0.0', '/meshsub/1.2.0'];

let clock: FakeClock;
let node: FakeNode;

const watch = () => endSpareConnections({ node: node as unknown as OpenGatewayNode, clock });

beforeEach(() => {
  clock = new FakeClock();
  node = new FakeNode();
});

describe('a relayed connection', () => {
  const pair = async (init: Partial<FakeConnectionInit> = {}) => {
    const peer = await randomPeer();
    watch();
    const relayed = node.open({
      peer,
      address: `${RELAY_ADDRESS}/p2p-circuit/p2p/${peer}`,
      limited: true,
      streams: BACKGROUND,
      ...init,
    });
    const direct = node.open({ peer, address: `/webrtc/p2p/${peer}` });
    node.identify(direct);
    return { relayed, direct };
  };

  it('ends some time after a direct one stands beside it', async () => {
    const { direct } = await pair();
    await clock.advance(RELAYED_LINGER_MS - 1);
    expect(node.connections).toHaveLength(2);
    await clock.advance(1);
    expect(node.connections).toEqual([direct]);
  });

  it.each<[string, Partial<FakeConnectionInit>]>([
    ['the other side opened it', { direction: 'inbound' }],
    ['work runs on it', { streams: [...BACKGROUND, INFERENCE_PROTOCOL] }],
    ['a stream on it is not named yet', { streams: [''] }],
  ])('stays where %s', async (_, init) => {
    const { relayed } = await pair(init);
    await clock.advance(RELAYED_LINGER_MS);
    expect(node.connections).toContain(relayed);
  });

  it('stays where the direct one is lost meanwhile', async () => {
    const { relayed, direct } = await pair();
    direct.abort(new Error('lost'));
    await clock.advance(RELAYED_LINGER_MS);
    expect(node.connections).toEqual([relayed]);
  });
});

async function openMany(count: number, init: Partial<FakeConnectionInit> = {}): Promise<Connection[]> {
  const peers = await Promise.all(Array.from({ length: count }, randomPeer));
  return peers.map((peer, index) =>
    node.open({ peer, address: `/webrtc/p2p/${peer}`, streams: BACKGROUND, openedMs: index, ...init }),
  );
}

describe('a peer with many connections', () => {
  it('ends the oldest without work, and neither its relay nor the newest', async () => {
    watch();
    const relay = node.open({ peer: await randomPeer(), address: RELAY_ADDRESS });
    const [busy] = await openMany(1, { streams: [INFERENCE_PROTOCOL] });
    const idle = await openMany(PEER_BUSY_CONNECTIONS);
    node.identify(idle.at(-1)!);
    expect(node.connections).toEqual([relay, busy, ...idle.slice(2)]);
  });

  it('ends none below the bound, and none that works', async () => {
    watch();
    const idle = await openMany(PEER_BUSY_CONNECTIONS);
    node.identify(idle.at(-1)!);
    expect(node.connections).toHaveLength(PEER_BUSY_CONNECTIONS);
    idle.splice(0).forEach((connection) => connection.abort(new Error('next')));
    const busy = await openMany(PEER_BUSY_CONNECTIONS + 5, { streams: [INFERENCE_PROTOCOL] });
    node.identify(busy.at(-1)!);
    expect(node.connections).toHaveLength(PEER_BUSY_CONNECTIONS + 5);
  });
});
