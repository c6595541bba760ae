import { RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2';
import type { Peer, PeerId } from '@libp2p/interface';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { FakeNode, randomPeer } from './connections.fixture.ts';
import { FORGET_PEER_MS, MAX_DEPARTED_PEERS, MAX_DEPARTED_RELAYS } from './constants.ts';
import { createNetwork } from './create-network.ts';
import { forgetDeparted } from './forget-departed.ts';
import { createNode } from './node.ts';
import type { Network } from './network.ts';
import type { OpenGatewayNode } from './node.ts';
import { DHT_PROTOCOL } from './relays/constants.ts';

/** A node that keeps the protocols of those it met. */
class FakeStore extends FakeNode {
  readonly known = new Map<string, readonly string[]>();
  readonly peerStore = {
    get: async (peer: PeerId) => {
      const protocols = this.known.get(peer.toString());
      if (protocols === undefined) throw new Error('NotFound');
      return { protocols } as Peer;
    },
    delete: async (peer: PeerId) => void this.known.delete(peer.toString()),
  };

  leave(peer: PeerId, protocols: readonly string[] = []): void {
    this.known.set(peer.toString(), protocols);
    this.dispatchEvent(new CustomEvent('peer:disconnect', { detail: peer }));
  }
}

/** Peers that differ in their names only. */
const named = (name: string) => ({ toString: () => name, equals: () => false }) as unknown as PeerId;

let clock: FakeClock;
let node: FakeStore;

beforeEach(() => {
  clock = new FakeClock();
  node = new FakeStore();
  forgetDeparted({ node: node as unknown as OpenGatewayNode, clock });
});

const pass = async (ms: number) => {
  await clock.advance(ms);
  await settle();
};

describe('what a relay knows of a peer that left', () => {
  it('is forgotten some time later, each in its own', async () => {
    const [first, second] = await Promise.all([randomPeer(), randomPeer()]);
    node.leave(first);
    await pass(1_000);
    node.leave(second);
    await pass(FORGET_PEER_MS - 1_001);
    expect([...node.known.keys()]).toEqual([String(first), String(second)]);
    await pass(1);
    expect([...node.known.keys()]).toEqual([String(second)]);
    await pass(1_000);
    expect(node.known.size).toBe(0);
  });

  it('stays where it came back, until it has left again for that long', async () => {
    const peer = await randomPeer();
    node.leave(peer);
    const connection = node.open({ peer, address: '/ip4/127.0.0.1/tcp/1/ws' });
    await pass(FORGET_PEER_MS);
    expect(node.known.size).toBe(1);
    connection.abort(new Error('gone'));
    node.leave(peer);
    await pass(FORGET_PEER_MS - 1);
    expect(node.known.size).toBe(1);
    await pass(1);
    expect(node.known.size).toBe(0);
  });

  it('stays where it is a relay, of which there are only so many', async () => {
    for (let index = 0; index <= MAX_DEPARTED_RELAYS; index++) node.leave(named(`relay-${index}`), [DHT_PROTOCOL]);
    await pass(FORGET_PEER_MS);
    for (let turn = 0; turn < 10 && node.known.size > MAX_DEPARTED_RELAYS; turn++) await settle();
    expect(node.known.size).toBe(MAX_DEPARTED_RELAYS);
    expect(node.known.has('relay-0')).toBe(false);
  });

  it('goes though it asked in the DHT, where it is a peer', async () => {
    node.leave(named('peer'), [DHT_PROTOCOL, RELAY_V2_STOP_CODEC]);
    await pass(FORGET_PEER_MS);
    expect(node.known.size).toBe(0);
  });

  it('goes at once where too many others left since', async () => {
    for (let index = 0; index <= MAX_DEPARTED_PEERS; index++) node.leave(named(`peer-${index}`));
    await settle();
    expect(node.known.size).toBe(MAX_DEPARTED_PEERS);
    expect(node.known.has('peer-0')).toBe(false);
  });
});

describe('a relay', () => {
  let relay: Network;
  afterEach(() => relay.stop());

  it('keeps nothing of twenty peers that came and went', async () => {
    relay = await createNetwork({ clock }, { role: 'relay', region: 'europe' });
    await relay.start();
    const { peerStore } = relay.node;
    const identified = new Set<string>();
    const departed = new Set<string>();
    const all = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    relay.node.addEventListener('peer:identify', ({ detail: { peerId } }) => {
      if (identified.add(String(peerId)).size === 20) all.resolve();
    });
    relay.node.addEventListener('peer:disconnect', ({ detail: peerId }) => {
      if (departed.add(String(peerId)).size === 20) gone.resolve();
    });
    const [address] = relay.node.getMultiaddrs();
    const peers = await Promise.all(
      Array.from({ length: 20 }, () => createNode({ role: 'peer', topics: [], listen: [] })),
    );
    for (const peer of peers) {
      await peer.start();
      await peer.dial(address!);
    }
    await all.promise;
    expect(await peerStore.all()).toHaveLength(20);
    await Promise.all(peers.map((peer) => peer.stop()));
    await gone.promise;
    await clock.advance(FORGET_PEER_MS);
    await expect.poll(() => peerStore.all()).toEqual([]);
  });
});
