import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PeerName } from '../../ids.ts';
import { isWebRtc } from '../connection-kind.ts';
import { fakeRequest, placeOf, servedByFake, startNetwork, stopNetworks } from '../networks.fixture.ts';
import { fakeAnswer, FakeGenerator } from '../../testing/fake-generator.ts';
import { createNode } from '../node.ts';
import type { OpenGatewayNode } from '../node.ts';
import { regionKey } from './dht-keys.ts';

const REGION = 'europe';
const startRelay = () => startNetwork({ role: 'relay', region: REGION });

const strangers: OpenGatewayNode[] = [];

/** It relays for whoever asks, and does not say what it is. */
async function startStranger(): Promise<OpenGatewayNode> {
  const node = await createNode({ role: 'relay', topics: [] });
  await node.start();
  strangers.push(node);
  return node;
}

afterEach(async () => {
  await stopNetworks();
  await Promise.all(strangers.splice(0).map((node) => node.stop()));
});

describe('the links of a peer', { timeout: 60_000 }, () => {
  it('leave strangers without a connection and a slot, wherever they announce themselves', async () => {
    const relay = await startRelay();
    const some = await Promise.all([1, 2].map(startStranger));
    for (const node of some) {
      const { dht } = node.services;
      const { remotePeer } = await node.dial(relay.multiaddrs().map((address) => multiaddr(address)));
      await dht.meet(remotePeer, { signal: AbortSignal.timeout(5_000) });
      await dht.provide(await regionKey(REGION), { signal: AbortSignal.timeout(8_000) });
    }
    const left = Promise.all(
      some.map((node) => new Promise((resolve) => node.addEventListener('connection:close', resolve, { once: true }))),
    );
    const told = some.map((node) => ({ region: REGION, multiaddrs: node.getMultiaddrs().map(String) }));
    const peer = await startNetwork({ role: 'peer', region: REGION, relays: [...told, placeOf(relay)] });
    await left;
    await vi.waitFor(() => expect(relay.reservations()).toBe(1), 20_000);
    expect(peer.linkedRelays()).toEqual([relay.peer]);
    await vi.waitFor(() =>
      expect(peer.node.getConnections().map(({ remotePeer }) => remotePeer.toString())).toEqual([relay.peer]),
    );
    expect(some.map(({ services }) => services.relay?.reservations.size)).toEqual([0, 0]);
    expect(peer.multiaddrs().every((address) => address.includes(relay.peer))).toBe(true);
  });

  it('get a slot at a relay that refused it at first', async () => {
    const relay = await startRelay();
    const { reservationStore } = relay.node.services.relay as unknown as {
      reservationStore: { reserve(...asked: unknown[]): { status: string } };
    };
    const reserve = vi.spyOn(reservationStore, 'reserve').mockReturnValue({ status: 'RESERVATION_REFUSED' });
    await startNetwork({ role: 'peer', region: REGION, relays: [placeOf(relay)] });
    await vi.waitFor(() => expect(reserve).toHaveBeenCalled(), 20_000);
    expect(relay.reservations()).toBe(0);
    reserve.mockRestore();
    await vi.waitFor(() => expect(relay.reservations()).toBe(1), 20_000);
  });

  it('may all be lost for good: an answer that runs over a direct connection goes on to its end', async () => {
    const relay = await startRelay();
    const places = { role: 'peer', region: REGION, relays: [placeOf(relay)] } as const;
    const [asking, answering] = await Promise.all([startNetwork(places), startNetwork(places)]);
    const half = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const request = fakeRequest(5, 30);
    const generator = new FakeGenerator({
      async beforeToken({ index }) {
        if (index !== 15) return;
        half.resolve();
        await goOn.promise;
      },
    });
    answering.serve({ generator, served: () => [servedByFake({ start: 0, end: 6 })], kind: 'node' });
    await vi.waitFor(() => expect(asking.registry.peers()).toHaveLength(1), 20_000);

    const tokens: number[] = [];
    const routes: (readonly PeerName[])[] = [];
    const answered = (async () => {
      for await (const event of asking.coordinator.run(request, { signal: new AbortController().signal })) {
        if (event.type === 'token') tokens.push(event.token);
        if (event.type === 'route') routes.push(event.stages.map(({ peer }) => peer));
      }
    })();
    await half.promise;
    expect(asking.node.getConnections(answering.node.peerId).some(isWebRtc)).toBe(true);
    const unlinked = Promise.all(
      [asking, answering].map(
        (network) => new Promise<void>((resolve) => network.onRelayChange((connected) => connected || resolve())),
      ),
    );
    await relay.stop();
    await unlinked;
    goOn.resolve();
    await answered;
    expect(tokens).toEqual(fakeAnswer(request));
    expect(routes).toEqual([[answering.peer]]);
    expect(generator.requests).toHaveLength(1);
  });
});
