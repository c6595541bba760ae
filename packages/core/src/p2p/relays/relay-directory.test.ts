import type { Connection, PeerId } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import { peerIdFromString } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ManifestHash, PeerName } from '../../ids.ts';
import { FakeClock, settle } from '../../testing/fake-clock.ts';
import { PROVIDE_INTERVAL_MS, RELAY_ROUND_MS, SEEK_INTERVAL_MS } from './constants.ts';
import { modelKey, regionKey } from './dht-keys.ts';
import type { Provider } from './dht.ts';
import type { RelayDescription } from './describe-relay.ts';
import { createRelayDirectory } from './relay-directory.ts';
import type { AnsweredModel, RelayDirectory } from './relay-directory.ts';

const ASIA = '12D3KooWC1xzMythdA48cMCwtBxB1gMuwYofr7e7TvNibbBENgMq' as PeerName;
const AFRICA = '12D3KooWSDmt8UbxHRZFr1TuskUkHKYCz2QUoQn5AFerLZXStuM5' as PeerName;
const MODEL: AnsweredModel = { id: 'tiny', manifest: 'ab'.repeat(32) as ManifestHash };

const placeOf = (peer: PeerName, port: number) => ({ peer, multiaddrs: [`/ip4/127.0.0.1/tcp/${port}/ws/p2p/${peer}`] });

let clock: FakeClock;
let descriptions: Map<PeerName, RelayDescription>;
let providers: Map<string, readonly Provider[]>;
let provided: string[];
let dialled: string[];
let own: readonly string[];
let sought: readonly ManifestHash[];
let answered: readonly AnsweredModel[];
let directory: RelayDirectory;

beforeEach(() => {
  clock = new FakeClock();
  descriptions = new Map([
    [ASIA, { v: 1, region: 'asia', serving: ['large'] }],
    [AFRICA, { v: 1, region: 'africa', serving: ['tiny'] }],
  ]);
  providers = new Map();
  provided = [];
  dialled = [];
  own = [];
  sought = [];
  answered = [];
});
afterEach(() => directory.stop());

function begin(region = 'asia', multiaddrs: readonly string[] = placeOf(ASIA, 1).multiaddrs) {
  directory = createRelayDirectory(
    {
      clock,
      node: {
        async dial(addresses: PeerId | Multiaddr | Multiaddr[]) {
          const address = String((addresses as Multiaddr[])[0]);
          dialled.push(address);
          const peer = (address.split('/p2p/')[1] ?? ASIA) as PeerName;
          if (!descriptions.has(peer)) throw new Error('refused');
          return {
            remotePeer: peerIdFromString(peer),
            direction: 'outbound',
            status: 'open',
            remoteAddr: multiaddr(address),
            abort: () => {},
          } as unknown as Connection;
        },
      },
      askRelay: async ({ remotePeer }) => descriptions.get(remotePeer.toString() as PeerName)!,
      dht: {
        meet: async () => {},
        provide: async (key) => void provided.push(key.toString()),
        findProviders: async (key) => providers.get(key.toString()) ?? [],
      },
      addresses: () => own,
      answered: () => answered,
      sought: () => sought,
    },
    { region: 'europe', relays: [{ region, multiaddrs }] },
  );
  directory.start();
}

const known = () => directory.relays().map(({ peer }) => peer);

/** Answers are on their way for a few turns of the queue. */
async function rounds(ms = 0): Promise<void> {
  await clock.advance(ms);
  for (let turn = 0; turn < 40; turn++) await settle();
}

describe('the directory of relays', () => {
  it('asks those it is told of, hears of changes, and forgets who does not answer', async () => {
    begin();
    await rounds();
    expect(directory.relays()).toMatchObject([{ peer: ASIA, region: 'asia', serving: ['large'] }]);
    descriptions.set(ASIA, { v: 1, region: 'asia', serving: [] });
    await rounds(RELAY_ROUND_MS);
    expect(directory.relays()).toMatchObject([{ serving: [] }]);
    descriptions.delete(ASIA);
    await rounds(RELAY_ROUND_MS);
    expect(known()).toEqual([ASIA]);
    await rounds(RELAY_ROUND_MS);
    expect(known()).toEqual([]);
  });

  it('dials by name whoever answered once at an address: without it the connection that stands would end', async () => {
    begin('asia', ['/ip4/127.0.0.1/tcp/1/ws']);
    await rounds();
    await rounds(RELAY_ROUND_MS);
    expect(dialled).toEqual(['/ip4/127.0.0.1/tcp/1/ws', `/ip4/127.0.0.1/tcp/1/ws/p2p/${ASIA}`]);
  });

  it('knows nothing of a relay that says another region than it was named for', async () => {
    begin('oceania');
    await rounds();
    expect(known()).toEqual([]);
  });

  it('finds others by their region and by the models it looks for, and believes what they say themselves', async () => {
    begin();
    providers.set((await regionKey('oceania')).toString(), [placeOf(AFRICA, 2)]);
    await rounds(RELAY_ROUND_MS);
    expect(directory.relays()).toMatchObject([{ peer: ASIA }, { peer: AFRICA, region: 'africa' }]);
    directory.stop();

    providers = new Map([[modelKey(MODEL.manifest).toString(), [placeOf(AFRICA, 2)]]]);
    begin();
    await rounds();
    expect(known()).toEqual([ASIA]);
    sought = [MODEL.manifest];
    await rounds(SEEK_INTERVAL_MS);
    await rounds(RELAY_ROUND_MS);
    expect(known()).toEqual([ASIA, AFRICA]);
  });

  it('looks outside only where it is outside itself', async () => {
    own = ['/dns4/relay.example/tcp/443/wss'];
    providers.set((await regionKey('africa')).toString(), [
      {
        peer: AFRICA,
        multiaddrs: [`/ip4/10.0.0.7/tcp/80/ws/p2p/${AFRICA}`, `/dns4/localhost/tcp/80/ws/p2p/${AFRICA}`],
      },
    ]);
    begin();
    await rounds();
    expect(dialled).toEqual(placeOf(ASIA, 1).multiaddrs);
  });

  it('announces its region and what it serves, anew from time to time', async () => {
    const keys = [(await regionKey('europe')).toString(), modelKey(MODEL.manifest).toString()];
    answered = [MODEL];
    begin();
    await rounds();
    await rounds(RELAY_ROUND_MS);
    expect(new Set(provided)).toEqual(new Set(keys));
    await rounds(RELAY_ROUND_MS);
    const before = provided.length;
    await rounds(PROVIDE_INTERVAL_MS);
    expect(provided.slice(before)).toEqual(keys);
  });
});
