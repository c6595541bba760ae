import { createHash } from 'node:crypto';
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys';
import { contentRoutingSymbol, peerDiscoverySymbol, peerRoutingSymbol } from '@libp2p/interface';
import type { Stream } from '@libp2p/interface';
import { lpStream } from '@libp2p/utils';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ManifestHash } from '../../ids.ts';
import { createNode } from '../node.ts';
import type { OpenGatewayNode } from '../node.ts';
import { peerName } from '../peer-name.ts';
import {
  DHT_PROTOCOL,
  DHT_REQUEST_TIMEOUT_MS,
  MAX_DHT_ADDRESS_BYTES,
  MAX_DHT_ADDRESSES,
  MAX_DHT_REQUEST_BYTES,
} from './constants.ts';
import { modelKey, regionKey } from './dht-keys.ts';

const nodes: OpenGatewayNode[] = [];

async function start(role: 'relay' | 'peer' = 'relay', announce?: () => readonly string[]): Promise<OpenGatewayNode> {
  const node = await createNode({ role, topics: [], announce, ...(role === 'peer' ? { listen: [] } : {}) });
  nodes.push(node);
  await node.start();
  return node;
}

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

/** Well before libp2p itself would give up. */
const AT_ONCE = { timeout: 5_000 };

const signal = () => AbortSignal.timeout(4_000);

/** A connection from one node to another that counts as a neighbour there. */
async function meet(from: OpenGatewayNode, to: OpenGatewayNode) {
  const connection = await from.dial(to.getMultiaddrs());
  await from.services.dht.meet(to.peerId, { signal: signal() });
  return connection;
}

const find = async (node: OpenGatewayNode, region = 'europe') =>
  (await node.services.dht.findProviders(await regionKey(region), { signal: signal() })).map(({ peer }) => peer);

/** Protobuf of length-delimited fields. */
const fields = (...values: readonly (readonly [number, Uint8Array])[]): Uint8Array =>
  Buffer.concat(values.flatMap(([number, value]) => [varint((number << 3) | 2), value]).map(withLength));

const varint = (value: number): Uint8Array =>
  value < 128 ? Uint8Array.of(value) : Uint8Array.of((value & 127) | 128, ...varint(value >>> 7));

const withLength = (value: Uint8Array, index: number): Uint8Array =>
  index % 2 === 0 ? value : Buffer.concat([varint(value.byteLength), value]);

const closed = (stream: Stream) => new Promise((resolve) => stream.addEventListener('close', resolve, { once: true }));

describe('the DHT', () => {
  it('is no way for libp2p to find peers, relays or content', async () => {
    const { dht } = (await createNode({ role: 'relay', topics: [] })).services;
    for (const symbol of [contentRoutingSymbol, peerRoutingSymbol, peerDiscoverySymbol])
      expect(Reflect.get(dht, symbol)).toBeUndefined();
  });

  it('tells a peer who announced itself, with addresses that name it', async () => {
    const [asked, relay, peer] = [await start(), await start(), await start('peer')];
    await meet(relay, asked);
    await relay.services.dht.provide(await regionKey('europe'), { signal: signal() });
    await meet(peer, asked);
    const found = await peer.services.dht.findProviders(await regionKey('europe'), { signal: signal() });
    expect(found).toEqual([{ peer: peerName(relay.peerId), multiaddrs: relay.getMultiaddrs().map(String) }]);
    expect(await find(asked)).toEqual([peerName(relay.peerId)]);
    expect(await find(relay)).toEqual([]);

    // One that is gone, and nothing is known of it any more.
    const gone = await start();
    await meet(gone, asked);
    await gone.services.dht.provide(await regionKey('europe'), { signal: signal() });
    expect(await find(peer)).toHaveLength(2);
    await gone.stop();
    await asked.peerStore.delete(gone.peerId);
    expect(await find(peer)).toEqual([peerName(relay.peerId)]);
  });

  it('asks on from relay to relay', async () => {
    const [asking, between, relay, announced] = [await start(), await start(), await start(), await start()];
    let key = await regionKey('europe');
    for (
      let index = 0;
      Buffer.compare(distance(relay, key.multihash.bytes), distance(between, key.multihash.bytes)) > 0;
    )
      key = modelKey(createHash('sha256').update(`${index++}`).digest('hex') as ManifestHash);
    await meet(announced, relay);
    await announced.services.dht.provide(key, { signal: signal() });
    await meet(between, relay);
    await meet(asking, between);
    const found = await asking.services.dht.findProviders(key, { signal: signal() });
    expect(found.map(({ peer }) => peer)).toEqual([peerName(announced.peerId)]);
  });

  it('keeps no values', async () => {
    const [asked, stranger] = [await start(), await start('peer')];
    const connection = await stranger.dial(asked.getMultiaddrs());
    const { publicKey } = await generateKeyPair('Ed25519');
    const key = Buffer.concat([Buffer.from('/pk/'), publicKey.toMultihash().bytes]);
    const record = fields(
      [1, key],
      [2, Buffer.concat([publicKeyToProtobuf(publicKey), fields([15, new Uint8Array(900)])])],
    );
    const stream = await connection.newStream(DHT_PROTOCOL, { signal: signal() });
    const messages = lpStream(stream);
    await messages.write(Buffer.concat([Uint8Array.of(8, 0), fields([2, key], [3, record])]), { signal: signal() });
    await expect(messages.read({ signal: signal() })).rejects.toThrow(/reset/);
  });

  it('hears so many bytes of a stream and no more', AT_ONCE, async () => {
    const [asked, stranger] = [await start(), await start('peer')];
    const connection = await stranger.dial(asked.getMultiaddrs());
    const stream = await connection.newStream(DHT_PROTOCOL, { signal: signal() });
    const isClosed = closed(stream);
    stream.send(Buffer.concat([varint(1_000_000), new Uint8Array(MAX_DHT_REQUEST_BYTES)]));
    await expect(isClosed).resolves.toMatchObject({ error: { name: 'StreamResetError' } });
  });

  it('remembers few and short addresses of whoever announces itself', async () => {
    let told: string[] = [];
    const [asked, relay] = [await start(), await start('relay', () => told)];
    await meet(relay, asked);
    for (const run of [0, 1, 2]) {
      told = Array.from({ length: 10 }, (_, index) => `/dns4/r${run}-${index}.example/tcp/443/wss`);
      told[0] = `/dns4/${'x'.repeat(MAX_DHT_ADDRESS_BYTES)}/tcp/443/wss`;
      await relay.services.dht.provide(await regionKey('europe'), { signal: signal() });
    }
    const known = async () => (await asked.peerStore.get(relay.peerId)).addresses;
    await expect.poll(async () => String((await known()).map(({ multiaddr }) => multiaddr))).toContain('r2-1');
    const addresses = await known();
    expect(addresses).toHaveLength(MAX_DHT_ADDRESSES);
    for (const { multiaddr } of addresses) expect(multiaddr.bytes.byteLength).toBeLessThan(MAX_DHT_ADDRESS_BYTES);
  });

  it('waits a short time for one that says nothing, and gives what it found when it is stopped', AT_ONCE, async () => {
    const [asking, relay, silent] = [await start(), await start(), await start()];
    let isAsked: (() => void) | undefined;
    await silent.unhandle(DHT_PROTOCOL);
    await silent.handle(DHT_PROTOCOL, () => isAsked?.());
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    await meet(relay, asking);
    await relay.services.dht.provide(await regionKey('europe'), { signal: signal() });
    await meet(asking, silent);
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(ms === DHT_REQUEST_TIMEOUT_MS ? 20 : ms));
    const patient = new AbortController();
    await asking.services.dht.findProviders(await regionKey('asia'), patient);
    vi.restoreAllMocks();

    const stopped = new AbortController();
    isAsked = () => stopped.abort();
    const found = await asking.services.dht.findProviders(await regionKey('europe'), stopped);
    expect(found.map(({ peer }) => peer)).toEqual([peerName(relay.peerId)]);
    const again = new AbortController();
    isAsked = () => again.abort();
    await expect(asking.services.dht.findProviders(await regionKey('asia'), again)).rejects.toThrow();
  });
});

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** From a node to a key, as Kademlia counts it. */
const distance = (node: OpenGatewayNode, key: Uint8Array) =>
  sha256(node.peerId.toMultihash().bytes).map((byte, index) => byte ^ (sha256(key)[index] ?? 0));
