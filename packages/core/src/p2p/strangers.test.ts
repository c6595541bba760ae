import type { Connection, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import type { PeerName } from '../ids.ts';
import { MAX_PARKED_LINKS_PER_PEER } from '../inference/constants.ts';
import { INFERENCE_PROTOCOL } from '../inference/messages.ts';
import type { OpenMessage } from '../inference/messages.ts';
import { ACTIVATIONS_PROTOCOL } from '../inference/stage-links.ts';
import { fakeAnswer } from '../testing/fake-generator.ts';
import type { FakeLayerRunner } from '../testing/fake-layer-runner.ts';
import { encodeMessage } from '../wire/codec.ts';
import { addLengthPrefix } from '../wire/length-prefix.ts';
import { packTokens } from '../wire/token-ids.ts';
import type { Network } from './network.ts';
import { fakeRequest, placeOf, startNetwork, startPart, stopNetworks } from './networks.fixture.ts';

const request = fakeRequest(5, 30);

let relay: Network;
let victim: Network;
let sessions: () => number;
let runner: FakeLayerRunner;
let connection: Connection;

/** Two stages behind a relay, and a stranger with a direct connection to the second. */
beforeEach(async () => {
  relay = await startNetwork({ role: 'relay', region: 'europe' });
  await startPart(relay, 0, 3);
  const second = await startPart(relay, 3, 6);
  victim = second.network;
  runner = second.runner;
  sessions = () => second.serving.sessions();
  const stranger = await startNetwork({ role: 'peer', region: 'europe', relays: [placeOf(relay)] });
  await vi.waitUntil(() => relay.registry.peers().length === 2 && stranger.relayConnected(), { timeout: 15_000 });
  const address = `${relay.multiaddrs()[0]}/p2p-circuit/webrtc/p2p/${victim.peer}`;
  connection = await vi.waitFor(() => stranger.node.dial(multiaddr(address)), { timeout: 15_000, interval: 200 });
});

afterEach(stopNetworks);

const openStream = (protocol: string): Promise<Stream> =>
  connection.newStream(protocol, { maxOutboundStreams: 5_000, negotiateFully: false });

/** What honest people get meanwhile. */
async function answer(): Promise<number[]> {
  const tokens: number[] = [];
  for await (const event of relay.coordinator.run(request, { signal: new AbortController().signal })) {
    if (event.type === 'token') tokens.push(event.token);
  }
  return tokens;
}

const isOver = (stream: Stream) => stream.status !== 'open';
const noise = (bytes: number) => Uint8Array.from({ length: bytes }, (_, index) => (index * 167 + 13) & 0xff);

const hello = (session: string) => addLengthPrefix(encodeMessage({ v: 1, coordinator: relay.peer, session }));

const open = (session: string): OpenMessage => ({
  type: 'open',
  v: 1,
  session,
  model: request.manifest,
  layers: [3, 6],
  tokens: packTokens(request.tokens),
  promptTokenCount: 5,
  maxTokens: 30,
  endTokens: [0],
  sampling: { ...DEFAULT_SAMPLING, logitBias: [], seed: 3 },
  credit: 100,
  chain: { peers: ['nobody', victim.peer as PeerName], index: 1, tokenCount: 5, format: 'f16' },
});

describe('a stranger at a stage of a chain', () => {
  it('is cut off for garbage on either protocol, while an answer goes on', async () => {
    const streams = await Promise.all([openStream(INFERENCE_PROTOCOL), openStream(ACTIVATIONS_PROTOCOL)]);
    for (const stream of streams) stream.send(noise(4_000));
    expect(await answer()).toEqual(fakeAnswer(request));
    for (const stream of streams) await vi.waitUntil(() => isOver(stream), { timeout: 20_000 });
  });

  it('is cut off for sending without end, be it asked for or not', async () => {
    const stream = await openStream(ACTIVATIONS_PROTOCOL);
    stream.send(hello('endless'));
    let sentBytes = 0;
    const piece = noise(16_384);
    await vi.waitUntil(
      () => {
        for (let index = 0; index < 16 && !isOver(stream) && !stream.writableNeedsDrain; index++) {
          stream.send(piece);
          sentBytes += piece.byteLength;
        }
        return isOver(stream);
      },
      { timeout: 20_000, interval: 1 },
    );
    expect(sentBytes).toBeLessThan(64 * 2 ** 20);
    expect(await answer()).toEqual(fakeAnswer(request));
  });

  it('holds no more than its share of sessions and ways, however many it opens', async () => {
    const streams: Stream[] = [];
    let refused = 0;
    for (let index = 0; index < 500; index++) {
      for (const [protocol, first] of [
        [INFERENCE_PROTOCOL, addLengthPrefix(encodeMessage(open(`s${index}`)))],
        [ACTIVATIONS_PROTOCOL, hello(`s${index}`)],
      ] as const) {
        try {
          const stream = await openStream(protocol);
          stream.send(first);
          streams.push(stream);
        } catch {
          refused += 1; // by the cap on streams of a protocol
        }
      }
      expect(sessions()).toBeLessThanOrEqual(64);
      expect(runner.running).toBeLessThanOrEqual(64);
    }
    expect(await answer()).toEqual(fakeAnswer(request));
    // The last refusals are on their way back while the answer comes.
    const held = () => streams.filter((stream) => !isOver(stream)).length;
    await vi.waitUntil(() => held() <= 64 + 2 * MAX_PARKED_LINKS_PER_PEER, { timeout: 20_000 });
    expect(refused + streams.length).toBe(1_000);
    connection.abort(new Error('the stranger goes'));
    await vi.waitUntil(() => sessions() === 0 && runner.running === 0, { timeout: 20_000 });
  });

  it('may never read: its session ends, the others go on', async () => {
    const stream = await openStream(INFERENCE_PROTOCOL);
    stream.pause();
    stream.send(addLengthPrefix(encodeMessage(open('mute'))));
    await vi.waitUntil(() => sessions() === 1);
    expect(await answer()).toEqual(fakeAnswer(request));
    // Its neighbour never comes, so that the stage gives up on it by itself.
    await vi.waitUntil(() => sessions() === 0, { timeout: 25_000 });
  });
});
