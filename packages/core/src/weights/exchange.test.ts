import { streamPair } from '@libp2p/utils';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeMessage } from '../wire/codec.ts';
import { addLengthPrefix } from '../wire/length-prefix.ts';
import { settle } from '../testing/fake-clock.ts';
import { ChunkSet } from './chunk-set.ts';
import { IDLE_UPLOAD_MS, MAX_UPLOAD_STREAMS, NO_SOURCE_MS, PIECE_BYTES, SILENT_SOURCE_MS } from './constants.ts';
import { HASH, Swarm, all, isGood, testModel } from './swarm.fixture.ts';
import type { Stream } from '@libp2p/interface';
import type { TestModel } from './swarm.fixture.ts';
import type { PeerName } from '../ids.ts';
import type { ChunkSource } from '../models/chunk-source.ts';

const CHUNKS = 12;
let model: TestModel;
let swarm: Swarm;
beforeAll(async () => {
  model = await testModel(CHUNKS);
});
beforeEach(() => {
  swarm = new Swarm(model);
});

const send = (stream: Stream, message: unknown) => stream.send(addLengthPrefix(encodeMessage(message)));
const SHUT: ChunkSource = { readChunk: () => Promise.reject(new Error('shut')) };
const server = (asked: string[] = []): ChunkSource => ({
  async readChunk(file) {
    asked.push(file.name);
    return model.contents[Number(file.name.slice(1))]!.slice();
  },
});

/** A peer that says it has everything and does as `behave` says with what it is asked. */
function evil(name: string, behave: (stream: Stream, from: PeerName) => void): { readonly streams: Stream[] } {
  const streams: Stream[] = [];
  swarm.handlers.set(name as PeerName, (stream, from) => {
    streams.push(stream);
    behave(stream, from);
  });
  return { streams };
}
const haveAll = () => ({ type: 'have', bits: new ChunkSet(CHUNKS, all(model)).encode() });

const inbound = async (exchange: { handle(stream: Stream, peer: PeerName): Promise<void> }, peer: string) => {
  const [near, far] = await streamPair();
  void exchange.handle(far, peer as PeerName);
  return near;
};
const untilCut = (stream: Stream) => vi.waitUntil(() => stream.status !== 'open');

describe('the exchange of chunks', () => {
  it('brings a model from one peer to another, verified, and counts it on both sides', async () => {
    const seeder = swarm.add('seeder', all(model));
    const leecher = swarm.add('leecher', []);
    await swarm.until(leecher.local.complete);
    expect(isGood(model, leecher.local)).toBe(true);
    const bytes = model.contents.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(leecher.model.stats()).toMatchObject({ fromPeersBytes: bytes, fromServerBytes: 0, missingBytes: 0 });
    expect(seeder.exchange.uploadedBytes()).toBe(bytes);
    expect(seeder.exchange.accounts().get(leecher.name)).toEqual({ bytesSent: bytes, bytesReceived: 0 });
    expect(leecher.exchange.accounts().get(seeder.name)).toEqual({ bytesSent: 0, bytesReceived: bytes });
  });

  it('lets peers that load at the same time get from each other what one of them has', async () => {
    const seeder = swarm.add('seeder', all(model));
    const leechers = [1, 2, 3, 4].map((at) => swarm.add(`leecher${at}`, []));
    await swarm.until(Promise.all(leechers.map(({ local }) => local.complete)));
    for (const { local } of leechers) expect(isGood(model, local)).toBe(true);
    const bytes = model.contents.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(seeder.exchange.uploadedBytes()).toBeLessThan(3 * bytes);
    expect(Math.max(...leechers.map(({ exchange }) => exchange.uploadedBytes()))).toBeGreaterThan(0);
  });

  it('gives nothing where the limit is 0, and gives again when it is raised', async () => {
    const seeder = swarm.add('seeder', all(model), { upload: 0 });
    const leecher = swarm.add('leecher', []);
    await swarm.clock.advance(SILENT_SOURCE_MS);
    expect(seeder.exchange.uploadedBytes()).toBe(0);
    seeder.exchange.setUploadBytesPerSecond(Infinity);
    await swarm.until(leecher.local.complete);
    expect(isGood(model, leecher.local)).toBe(true);
    const given = seeder.exchange.uploadedBytes();
    seeder.exchange.setUploadBytesPerSecond(0);
    const late = swarm.add('late', []);
    await swarm.until(late.local.complete);
    expect(seeder.exchange.uploadedBytes()).toBe(given);
    expect(leecher.exchange.uploadedBytes()).toBeGreaterThan(0);
  });

  it('puts a model together that nobody has as a whole', async () => {
    swarm.add(
      'even',
      all(model).filter((chunk) => chunk % 2 === 0),
      { wanted: [] },
    );
    swarm.add(
      'odd',
      all(model).filter((chunk) => chunk % 2 === 1),
      { wanted: [] },
    );
    const leecher = swarm.add('leecher', []);
    await swarm.until(leecher.local.complete);
    expect(isGood(model, leecher.local)).toBe(true);
  });

  it('fetches only what is wanted, and at once what a reader waits for', async () => {
    swarm.add('seeder', all(model));
    const leecher = swarm.add('leecher', [], { wanted: [3, 4] });
    await swarm.until(leecher.local.complete);
    expect(leecher.local.taken.map(({ chunk }) => chunk).sort()).toEqual([3, 4]);
    leecher.model.want(7);
    await swarm.until(vi.waitUntil(() => leecher.local.chunks.has(7), { timeout: 10_000 }));
    expect(leecher.local.chunks.size).toBe(3);
  });

  it('asks the server for what no peer has, and for nothing else', async () => {
    swarm.add('seeder', all(model).slice(0, 8), { wanted: [] });
    const asked: string[] = [];
    const leecher = swarm.add('leecher', [], { server: server(asked) });
    await swarm.until(leecher.local.complete);
    expect(asked.sort()).toEqual(['f10', 'f11', 'f8', 'f9']);
    expect(isGood(model, leecher.local)).toBe(true);
  });

  it('takes everything from the server where there is nobody else', async () => {
    const leecher = swarm.add('leecher', [], { server: server() });
    await swarm.until(leecher.local.complete);
    expect(leecher.model.stats().fromServerBytes).toBeGreaterThan(0);
    expect(isGood(model, leecher.local)).toBe(true);
  });

  it('does without a server that is shut or lies', async () => {
    const lying: ChunkSource = { readChunk: async () => new Uint8Array(270_000) };
    swarm.add('seeder', all(model));
    const leechers = [swarm.add('shut', [], { server: SHUT }), swarm.add('lied to', [], { server: lying })];
    await swarm.until(Promise.all(leechers.map(({ local }) => local.complete)));
    for (const { local, model: own } of leechers) {
      expect(isGood(model, local)).toBe(true);
      expect(own.stats().fromServerBytes).toBe(0);
    }
  });

  it('says that nobody has it, and still takes it from who comes later', async () => {
    const leecher = swarm.add('leecher', [], { server: SHUT });
    await swarm.clock.advance(NO_SOURCE_MS + 30_000);
    expect(leecher.local.unavailable[0]).toMatchObject({ code: 'source_unavailable', cause: new Error('shut') });
    swarm.add('seeder', all(model));
    await swarm.until(leecher.local.complete);
    expect(isGood(model, leecher.local)).toBe(true);
  });

  it('does not give others what was not kept, and gives them what was', async () => {
    const first = swarm.add('first', [], { server: server() });
    first.local.keeps = false;
    await swarm.until(first.local.complete);
    const second = swarm.add('second', [], { server: server() });
    await swarm.until(second.local.complete);
    expect(second.model.stats()).toMatchObject({ fromPeersBytes: 0 });
  });

  it('refuses a chunk that went bad, which then comes from elsewhere', async () => {
    const rotten = swarm.add('rotten', all(model));
    rotten.local.chunks.delete(5);
    swarm.add('seeder', [5], { wanted: [] });
    const leecher = swarm.add('leecher', []);
    await swarm.until(leecher.local.complete);
    expect(isGood(model, leecher.local)).toBe(true);
  });

  it('goes on without a peer that leaves in the middle', async () => {
    const first = swarm.add('first', all(model));
    first.local.read = async (chunk) => {
      if (chunk % 3 === 0) first.exchange.stop();
      return model.contents[chunk];
    };
    swarm.add('second', all(model));
    const leecher = swarm.add('leecher', []);
    await swarm.until(leecher.local.complete);
    expect(isGood(model, leecher.local)).toBe(true);
  });

  it('has the chunks of a peer that falls silent fetched elsewhere', async () => {
    const silent = evil('silent', (stream) => send(stream, haveAll()));
    const leecher = swarm.add('leecher', []);
    await vi.waitUntil(() => silent.streams.length === 1);
    swarm.add('seeder', all(model));
    await swarm.until(leecher.local.complete);
    expect(swarm.clock.now()).toBeGreaterThanOrEqual(1_000_000 + SILENT_SOURCE_MS);
    expect(isGood(model, leecher.local)).toBe(true);
    expect(silent.streams[0]?.status).not.toBe('open');
  });
});

describe('where the peers are slow', () => {
  it('has the server help', async () => {
    swarm.add('slow', all(model), { upload: 100_000 });
    const asked: string[] = [];
    const leecher = swarm.add('leecher', [], { server: server(asked) });
    await swarm.until(leecher.local.complete);
    expect(leecher.model.stats().fromPeersBytes).toBeGreaterThan(0);
    expect(asked.length).toBeGreaterThan(0);
    expect(isGood(model, leecher.local)).toBe(true);
  });
});

describe('strangers', () => {
  it('never get a bad chunk stored, and are not asked again', async () => {
    const poisoner = swarm.add('poisoner', all(model));
    poisoner.local.read = async (chunk) => model.contents[chunk]!.map((byte) => byte ^ 1);
    swarm.add('good', all(model));
    swarm.add('better', all(model));
    const leecher = swarm.add('leecher', []);
    await swarm.until(leecher.local.complete);
    expect(isGood(model, leecher.local)).toBe(true);
    expect(leecher.local.taken).toHaveLength(CHUNKS);
    const asked = swarm.streams.filter(({ to, from }) => to === poisoner.name && from === leecher.name);
    expect(asked).toHaveLength(1);
    leecher.model.lose(0);
    leecher.model.want(0);
    await swarm.clock.advance(600_000);
    expect(swarm.streams.filter(({ to, from }) => to === poisoner.name && from === leecher.name)).toHaveLength(1);
  });

  const lies: readonly [string, (stream: Stream) => void][] = [
    ['sends what is no message', (stream) => stream.send(new Uint8Array([3, 1, 2, 3]))],
    ['announces more than fits', (stream) => stream.send(new Uint8Array([0xff, 0xff, 0xff, 0x7f]))],
    ['does not say first what it has', (stream) => send(stream, { type: 'added', chunks: [1] })],
    ['has chunks that do not exist', (stream) => send(stream, { type: 'have', bits: new Uint8Array([255, 255]) })],
    ['tells twice what it has', (stream) => void (send(stream, haveAll()), send(stream, haveAll()))],
    [
      'sends what nobody asked for',
      (stream) =>
        void (send(stream, { type: 'have', bits: new Uint8Array(2) }),
        send(stream, { type: 'piece', chunk: 1, at: 0, bytes: 9 })),
    ],
    [
      'sends pieces out of order',
      (stream) => {
        send(stream, haveAll());
        for (let chunk = 0; chunk < CHUNKS; chunk++) send(stream, { type: 'piece', chunk, at: PIECE_BYTES, bytes: 9 });
      },
    ],
  ];
  it.each(lies)('are left when one %s', async (_, behave) => {
    const liar = evil('liar', behave);
    const leecher = swarm.add('leecher', []);
    await vi.waitUntil(() => liar.streams[0] !== undefined && liar.streams[0].status !== 'open');
    await swarm.clock.advance(600_000);
    expect(liar.streams).toHaveLength(1);
    swarm.add('seeder', all(model));
    await swarm.until(leecher.local.complete);
    expect(isGood(model, leecher.local)).toBe(true);
  });

  const hello = { type: 'hello', v: 1, manifest: HASH };

  it('are cut off when they say nothing, nonsense, or ask for another model', async () => {
    const { exchange } = swarm.add('seeder', all(model));
    const [silent, noise, other] = await Promise.all(['a', 'b', 'c'].map((name) => inbound(exchange, name)));
    noise!.send(new Uint8Array([2, 9, 9]));
    send(other!, { ...hello, manifest: 'b'.repeat(64) });
    await Promise.all([untilCut(noise!), untilCut(other!)]);
    expect(silent!.status).toBe('open');
    await swarm.clock.advance(60_000);
    await untilCut(silent!);
  });

  it('are cut off when they ask for too much at once or for what does not exist', async () => {
    const { exchange, local } = swarm.add('seeder', all(model));
    local.read = () => new Promise(() => {});
    const greedy = await inbound(exchange, 'greedy');
    send(greedy, hello);
    for (let chunk = 0; chunk < CHUNKS; chunk++) send(greedy, { type: 'want', chunk });
    const lost = await inbound(exchange, 'lost');
    send(lost, hello);
    send(lost, { type: 'want', chunk: CHUNKS });
    await Promise.all([untilCut(greedy), untilCut(lost)]);
  });

  it('who only hold places make room for those who ask', async () => {
    const { exchange } = swarm.add('seeder', all(model));
    const idle: Stream[] = [];
    for (let at = 0; at < MAX_UPLOAD_STREAMS; at++) {
      const stream = await inbound(exchange, `idle${at}`);
      send(stream, hello);
      idle.push(stream);
    }
    await settle();
    const late = await inbound(exchange, 'late');
    send(late, hello);
    await untilCut(late);
    await swarm.clock.advance(IDLE_UPLOAD_MS);
    const leecher = swarm.add('leecher', []);
    await swarm.until(leecher.local.complete);
    expect(idle.filter(({ status }) => status === 'open')).toHaveLength(MAX_UPLOAD_STREAMS - 1);
  });
});
