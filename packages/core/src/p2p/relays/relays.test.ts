import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ManifestHash } from '../../ids.ts';
import type { Network, NetworkInit } from '../network.ts';
import { placeOf, startNetwork, stopNetworks } from '../networks.fixture.ts';

const MODEL = { id: 'tiny', manifest: 'ab'.repeat(32) as ManifestHash };

const startRelay = (region: string, knows: readonly Network[] = [], init: Partial<NetworkInit> = {}) =>
  startNetwork({ role: 'relay', region, relays: knows.map(placeOf), ...init });

const startPeer = (region: string, knows: readonly Network[]) =>
  startNetwork({ role: 'peer', region, relays: knows.map(placeOf) });

const names = (networks: readonly Network[]) => networks.map(({ peer }) => peer).toSorted();

const knows = (relay: Network, others: readonly Network[]) =>
  vi.waitFor(
    () =>
      expect(
        relay
          .otherRelays()
          .map(({ peer }) => peer)
          .toSorted(),
      ).toEqual(names(others)),
    40_000,
  );

const linkedTo = (peer: Network, relays: readonly Network[]) =>
  vi.waitFor(() => expect(peer.linkedRelays().toSorted()).toEqual(names(relays)), 40_000);

describe('relays', () => {
  afterEach(stopNetworks);

  it('find each other through any one of them, and where a model is', { timeout: 90_000 }, async () => {
    const first = await startRelay('asia');
    const second = await startRelay('europe', [first], { answered: () => [MODEL] });
    const third = await startRelay('africa', [first]);
    await Promise.all([knows(first, [second, third]), knows(second, [first, third]), knows(third, [first, second])]);
    expect(third.otherRelays().find(({ peer }) => peer === second.peer)).toMatchObject({
      region: 'europe',
      serving: ['tiny'],
    });
  });

  it('lead a peer that knows one of another region to those of its own', { timeout: 90_000 }, async () => {
    const foreign = await startRelay('asia');
    const own = [await startRelay('europe', [foreign]), await startRelay('europe', [foreign])];
    await knows(foreign, own);
    const peer = await startPeer('europe', [foreign]);
    await linkedTo(peer, own);
    await vi.waitFor(() =>
      expect(
        peer.node
          .getConnections()
          .map(({ remotePeer }) => remotePeer.toString())
          .toSorted(),
      ).toEqual(names(own)),
    );
  });

  it('may be lost for good: their peers go on at another, which was there or comes', { timeout: 90_000 }, async () => {
    const foreign = await startRelay('asia');
    const lost = await startRelay('europe', [foreign]);
    await knows(foreign, [lost]);
    const peers = await Promise.all([1, 2].map(() => startPeer('europe', [lost, foreign])));
    await Promise.all(peers.map((peer) => linkedTo(peer, [lost])));
    await lost.stop();
    const successor = await startRelay('europe', [foreign]);
    await Promise.all(peers.map((peer) => linkedTo(peer, [successor])));
    await vi.waitFor(() => expect(successor.reservations()).toBe(2), 20_000);
  });
});
