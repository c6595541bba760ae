import { RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, PeerId } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { byteStream } from '@libp2p/utils';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import type { PeerName } from '../ids.ts';
import { UNMEASURED_RTT_MS } from '../routing/constants.ts';
import { FakeClock, settle } from '../testing/fake-clock.ts';
import { DIRECT_DIAL_TIMEOUT_MS, MAX_DIALS_AT_ONCE, MAX_WAITING_DIALS } from './constants.ts';
import { createChosenRelays } from './chosen-relays.ts';
import { isDirect, isRelayed, isWebRtc } from './connection-kind.ts';
import { createNetwork } from './create-network.ts';
import type { Network, NetworkInit } from './network.ts';
import { createPeerDialer } from './peer-dialer.ts';
import type { PeerDialer } from './peer-dialer.ts';
import { generatePrivateKey } from './private-key.ts';
import { placeOf } from './networks.fixture.ts';

const REGION = 'europe';
const newName = async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString() as PeerName;
const ECHO = '/test/echo/1.0.0';

const running: { stop(): unknown }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.stop()));
});

async function start(init: Omit<NetworkInit, 'region'>): Promise<Network> {
  const network = await createNetwork({}, { ...init, region: REGION });
  running.push(network);
  await network.start();
  return network;
}

const startRelay = () => start({ role: 'relay' });

interface TestPeer {
  readonly network: Network;
  readonly dialer: PeerDialer;
}

/** A peer that echoes, linked to the relay; unless told otherwise others can reach it. */
async function startPeer(init: Partial<NetworkInit>, { reachable = true } = {}): Promise<TestPeer> {
  const network = await start({ role: 'peer', ...init });
  await network.node.handle(
    ECHO,
    async (stream) => {
      for await (const bytes of stream) stream.send(bytes);
      await stream.close();
    },
    { runOnLimitedConnection: true },
  );
  if (reachable) await addressed(network);
  else await linked(network);
  const dialer = createPeerDialer({ node: network.node, clock: systemClock }, { role: 'peer' });
  running.push(dialer);
  return { network, dialer };
}

/** Resolves when `network` has a slot at a relay whose address contains `part`. */
function addressed(network: Network, part = ''): Promise<void> {
  const events = ['self:peer:update', 'transport:listening'] as const;
  return new Promise((resolve) => {
    const check = () => {
      if (!network.multiaddrs().some((address) => address.includes(part) && address.includes('/p2p-circuit'))) return;
      for (const event of events) network.node.removeEventListener(event, check);
      resolve();
    };
    for (const event of events) network.node.addEventListener(event, check);
    check();
  });
}

function linked(network: Network): Promise<void> {
  return new Promise((resolve) => {
    const end = network.onRelayChange((connected) => connected && (end(), resolve()));
    if (network.relayConnected()) resolve();
  });
}

const unlinked = (network: Network): Promise<void> =>
  new Promise((resolve) => {
    const end = network.onRelayChange((connected) => {
      if (connected) return;
      end();
      resolve();
    });
  });

async function echo(connection: Connection, bytes: Uint8Array): Promise<Uint8Array> {
  const stream = await connection.newStream(ECHO, { runOnLimitedConnection: true });
  const ends = byteStream(stream);
  await ends.write(bytes);
  const answer = (await ends.read({ bytes: bytes.byteLength })).subarray();
  await stream.close();
  return answer;
}

const live = () => ({ signal: new AbortController().signal });
const MESSAGE = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);

describe('a peer dialer', () => {
  it('connects two peers behind one relay directly', async () => {
    const relay = await startRelay();
    const [a, b] = await Promise.all([1, 2].map(() => startPeer({ relays: [placeOf(relay)] })));
    expect(a?.dialer.rttMs(b!.network.peer)).toBe(UNMEASURED_RTT_MS);
    const { connection, direct } = await a!.dialer.connect(b!.network.peer, live());
    expect({ direct, webRtc: isWebRtc(connection), limits: connection.limits }).toEqual({
      direct: true,
      webRtc: true,
      limits: undefined,
    });
    const before = relay.relayedBytes();
    expect(await echo(connection, MESSAGE)).toEqual(MESSAGE);
    // Signalling's own end may still be on its way.
    expect(relay.relayedBytes() - before).toBeLessThan(MESSAGE.byteLength / 10);
    expect(before).toBeGreaterThan(0);
    // The way back is the same connection.
    const back = await b!.dialer.connect(a!.network.peer, live());
    expect(back).toMatchObject({ direct: true, connection: { direction: 'inbound' } });
    expect(await echo(back.connection, MESSAGE)).toEqual(MESSAGE);
  });

  it('lets concurrent callers share one dial', async () => {
    const relay = await startRelay();
    const [a, b] = await Promise.all([1, 2].map(() => startPeer({ relays: [placeOf(relay)] })));
    const routes = await Promise.all(Array.from({ length: 5 }, () => a!.dialer.connect(b!.network.peer, live())));
    expect(new Set(routes.map(({ connection }) => connection.id)).size).toBe(1);
    expect(a!.network.node.getConnections(b!.network.node.peerId).filter(isDirect)).toHaveLength(1);
  });

  it('gives both a usable connection where two peers dial each other at once', async () => {
    const relay = await startRelay();
    const pairs = await Promise.all(
      Array.from({ length: 3 }, () => Promise.all([1, 2].map(() => startPeer({ relays: [placeOf(relay)] })))),
    );
    for (const [a, b] of pairs) {
      const [there, back] = await Promise.all([
        a!.dialer.connect(b!.network.peer, live()),
        b!.dialer.connect(a!.network.peer, live()),
      ]);
      expect([there.direct, back.direct]).toEqual([true, true]);
      expect(await echo(there.connection, MESSAGE)).toEqual(MESSAGE);
      expect(await echo(back.connection, MESSAGE)).toEqual(MESSAGE);
    }
  });

  it('reaches a peer again after the relay came back as another', async () => {
    const first = await startRelay();
    const listen = first.multiaddrs().map((address) => address.replace(/\/p2p\/.*$/, ''));
    let relay = first;
    const relays = () => Promise.resolve([placeOf(relay)]);
    const [a, b] = await Promise.all([1, 2].map(() => startPeer({ relays })));
    await first.stop();
    relay = await start({ role: 'relay', listen });
    expect(relay.peer).not.toBe(first.peer);
    await Promise.all([addressed(a!.network, relay.peer), addressed(b!.network, relay.peer)]);
    expect(relay.reservations()).toBe(2);
    const { connection, direct } = await a!.dialer.connect(b!.network.peer, live());
    expect(direct).toBe(true);
    expect(await echo(connection, MESSAGE)).toEqual(MESSAGE);
  });

  it('reserves again at a relay that came back as the same', async () => {
    const privateKey = await generatePrivateKey();
    const first = await start({ role: 'relay', privateKey });
    const place = placeOf(first);
    const [a, b] = await Promise.all([1, 2].map(() => startPeer({ relays: [place] })));
    const lost = [a!, b!].map(({ network }) => unlinked(network));
    await first.stop();
    await Promise.all(lost);
    const second = await start({
      role: 'relay',
      privateKey,
      listen: place.multiaddrs.map((address) => address.replace(/\/p2p\/.*$/, '')),
    });
    await Promise.all([linked(a!.network), linked(b!.network)]);
    await Promise.all([addressed(a!.network, second.peer), addressed(b!.network, second.peer)]);
    expect((await a!.dialer.connect(b!.network.peer, live())).direct).toBe(true);
  });

  it('keeps a direct connection when the relay goes away', async () => {
    const relay = await startRelay();
    const [a, b] = await Promise.all([1, 2].map(() => startPeer({ relays: [placeOf(relay)] })));
    const { connection } = await a!.dialer.connect(b!.network.peer, live());
    await relay.stop();
    expect(await echo(connection, MESSAGE)).toEqual(MESSAGE);
    expect((await a!.dialer.connect(b!.network.peer, live())).connection).toBe(connection);
    expect(a!.dialer.isReachable(relay.peer)).toBe(false);
  });

  it('goes through the relay, which counts, where no direct connection can stand', async () => {
    const relay = await startRelay();
    const a = await startPeer({ relays: [placeOf(relay)] });
    const b = await startPeer({ relays: [placeOf(relay)], listen: ['/p2p-circuit'] });
    // As a peer behind a firewall without a way through, only faster.
    await b.network.node.unhandle('/webrtc-signaling/0.0.1');
    const before = relay.relayedBytes();
    const { connection, direct } = await a.dialer.connect(b.network.peer, live());
    expect({ direct, relayed: isRelayed(connection) }).toEqual({ direct: false, relayed: true });
    expect(await echo(connection, MESSAGE)).toEqual(MESSAGE);
    expect(relay.relayedBytes() - before).toBeGreaterThan(2 * MESSAGE.byteLength);
    await expect(a.dialer.connect(b.network.peer, { ...live(), directOnly: true })).rejects.toMatchObject({
      code: 'peer_unreachable',
    });
    // Not dialled again, though it could be by now.
    expect(await a.dialer.connect(b.network.peer, live())).toEqual({ connection, direct: false });
    await expect(connection.newStream(ECHO)).rejects.toMatchObject({ name: 'LimitedConnectionError' });
  });

  it('says that a peer is unreachable', async () => {
    const relay = await startRelay();
    const a = await startPeer({ relays: [placeOf(relay)] });
    const gone = await startPeer({ relays: [placeOf(relay)] });
    const released = new Promise<void>((resolve) =>
      relay.node.addEventListener('peer:disconnect', () => resolve(), { once: true }),
    );
    await gone.network.stop();
    await released;
    expect(relay.reservations()).toBe(1);
    await expect(a.dialer.connect(gone.network.peer, live())).rejects.toMatchObject({ code: 'peer_unreachable' });
  });

  it('says so at once where no relay is connected, and at a relay about peers that are not', async () => {
    const relay = await startRelay();
    const alone = await start({ role: 'peer' });
    for (const [network, role] of [
      [relay, 'relay'],
      [alone, 'peer'],
    ] as const) {
      const dialer = createPeerDialer({ node: network.node, clock: systemClock }, { role });
      running.push(dialer);
      const stranger = (await createNetwork({}, { role: 'peer', region: REGION })).peer;
      expect(dialer.rttMs(stranger)).toBeUndefined();
      await expect(dialer.connect(stranger, live())).rejects.toMatchObject({ code: 'peer_unreachable' });
    }
  });

  it('takes no peer for a relay that says it relays somebody', async () => {
    const relay = await startRelay();
    const [a, b] = await Promise.all([1, 2].map(() => startPeer({ relays: [placeOf(relay)] })));
    const { connection } = await a!.dialer.connect(b!.network.peer, live());
    // What is not handled may be opened more freely.
    await a!.network.node.unhandle(RELAY_V2_STOP_CODEC);
    // A peer that listened would wait for the request.
    const word = connection
      .newStream(RELAY_V2_STOP_CODEC)
      .then((stream) => byteStream(stream).read({ bytes: 1, signal: AbortSignal.timeout(5_000) }));
    await expect(word).rejects.toMatchObject({
      name: expect.stringMatching(/^(StreamResetError|UnexpectedEOFError)$/),
    });
  });

  it('takes a name that is none for a peer that is not there', async () => {
    const relay = await startRelay();
    const { dialer } = await startPeer({ relays: [placeOf(relay)] }, { reachable: false });
    const nobody = '12D3KooWNobody' as PeerName;
    expect([dialer.rttMs(nobody), dialer.isReachable(nobody), dialer.isConnected(nobody)]).toEqual([
      undefined,
      false,
      false,
    ]);
    await expect(dialer.connect(nobody, live())).rejects.toMatchObject({ code: 'peer_unreachable' });
  });

  it('gives up with the caller, and goes on for the others', async () => {
    const relay = await startRelay();
    const [a, b] = await Promise.all([1, 2].map(() => startPeer({ relays: [placeOf(relay)] })));
    const impatient = new AbortController();
    const aborted = a!.dialer.connect(b!.network.peer, impatient);
    const patient = a!.dialer.connect(b!.network.peer, live());
    impatient.abort(new Error('no more'));
    await expect(aborted).rejects.toThrow('no more');
    expect((await patient).direct).toBe(true);
  });

  it('dials nobody for callers that are gone before the turn came', async () => {
    const clock = new FakeClock();
    const relayAddress = multiaddr(`/ip4/127.0.0.1/tcp/1/ws/p2p/${await newName()}`);
    const relay = { status: 'open', direction: 'outbound', remoteAddr: relayAddress } as unknown as Connection;
    const dialled: string[] = [];
    const hanging = createPeerDialer(
      {
        clock,
        node: {
          getConnections: (peer?: PeerId) => (peer === undefined ? [relay] : []),
          addEventListener: () => {},
          removeEventListener: () => {},
          services: { chosenRelays: { ...createChosenRelays(), has: () => true } },
          async dial(addresses: unknown) {
            dialled.push(String((addresses as unknown[])[0]));
            return new Promise<Connection>(() => {});
          },
        },
      },
      { role: 'peer' },
    );
    const gone = new AbortController();
    const names = await Promise.all(Array.from({ length: MAX_DIALS_AT_ONCE + MAX_WAITING_DIALS }, newName));
    const callers = names.map((name) => hanging.connect(name, { signal: gone.signal }));
    const refused = Promise.allSettled(callers);
    await settle();
    gone.abort(new Error('left'));
    await refused;
    const honest = await newName();
    const late = hanging.connect(honest, { ...live(), directOnly: true }).catch(() => {}); // nobody answers here
    await settle();
    await clock.advance(DIRECT_DIAL_TIMEOUT_MS);
    await settle();
    expect(dialled).toHaveLength(MAX_DIALS_AT_ONCE + 1);
    expect(dialled.at(-1)).toContain(honest);
    hanging.stop();
    await late;
  });

  it('measures the round trip of a direct connection', async () => {
    const relay = await startRelay();
    const [a, b] = await Promise.all([1, 2].map(() => startPeer({ relays: [placeOf(relay)] })));
    const { connection } = await a!.dialer.connect(b!.network.peer, live());
    // The echo takes longer than the ping that left before it.
    while (connection.rtt === undefined) await echo(connection, MESSAGE);
    expect(a!.dialer.rttMs(b!.network.peer)).toBe(connection.rtt);
    expect(connection.rtt).toBeLessThan(UNMEASURED_RTT_MS * 20);
  });
});
