import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import type { ManifestHash, ModelId } from '../ids.ts';
import { INITIAL_CREDIT_TOKENS } from '../inference/constants.ts';
import type { CoordinatorEvent, CoordinatorRequest } from '../inference/coordinator-types.ts';
import { INFERENCE_PROTOCOL, stageMessageSchema } from '../inference/messages.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { PeerRegistry } from '../membership/peer-view.ts';
import { clusterTopic } from '../capability/cluster.ts';
import { FAKE_VOCABULARY, fakeAnswer, FakeGenerator } from '../testing/fake-generator.ts';
import type { FakeGeneratorInit } from '../testing/fake-generator.ts';
import { addLengthPrefix } from '../wire/length-prefix.ts';
import { MAX_STAGE_MESSAGE_BYTES } from '../wire/limits.ts';
import { createMessageChannel } from '../wire/message-channel.ts';
import { encodeAdvert } from './membership/service.ts';
import type { Network, ServingHandle } from './network.ts';
import { placeOf, servedByFake, startNetwork, stopNetworks } from './networks.fixture.ts';
import { generatePrivateKey } from './private-key.ts';

const MANIFEST = 'b'.repeat(64) as ManifestHash;
const REGION = 'europe';

const served: ServedModel = { ...servedByFake({ start: 0, end: 4 }), manifest: MANIFEST };

const request: CoordinatorRequest = {
  model: 'fake' as ModelId,
  manifest: MANIFEST,
  layerCount: 4,
  vocabularySize: FAKE_VOCABULARY,
  tokens: Array.from({ length: 500 }, (_, index) => index * 7),
  promptTokenCount: 500,
  maxTokens: 60,
  endTokens: [0],
  sampling: { ...DEFAULT_SAMPLING, seed: 11 },
};

interface Contributor {
  readonly network: Network;
  readonly generator: FakeGenerator;
  readonly serving: ServingHandle;
}

afterEach(stopNetworks);

const startRelay = () => startNetwork({ role: 'relay', region: REGION });

async function startContributor(
  multiaddrs: readonly string[],
  init: FakeGeneratorInit = {},
  change: Partial<ServedModel> = {},
): Promise<Contributor> {
  const network = await startNetwork({ role: 'peer', region: REGION, relays: [{ region: REGION, multiaddrs }] });
  const generator = new FakeGenerator(init);
  const serving = network.serve({ generator, served: () => [{ ...served, ...change }], kind: 'node' });
  return { network, generator, serving };
}

/** Resolves when the registry satisfies `test`. */
function until(registry: PeerRegistry, test: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = registry.subscribe(() => check());
    const check = () => {
      if (!test()) return;
      unsubscribe();
      resolve();
    };
    check();
  });
}

const seen = (relay: Network, ...contributors: Contributor[]) =>
  until(relay.registry, () =>
    contributors.every(({ network }) => relay.registry.get(network.peer)?.advert.models.length === 1),
  );

async function answer(events: AsyncIterable<CoordinatorEvent>): Promise<{ tokens: number[]; failovers: number }> {
  const tokens: number[] = [];
  for await (const event of events) {
    if (event.type === 'token') tokens.push(event.token);
    if (event.type === 'end') return { tokens, failovers: event.failovers };
  }
  throw new Error('no end');
}

const live = () => new AbortController().signal;

describe('a relay and its peers', () => {
  it('answers a request on one of three peers that announced themselves', async () => {
    const relay = await startRelay();
    const peers = await Promise.all([1, 2, 3].map(() => startContributor(relay.multiaddrs())));
    await seen(relay, ...peers);
    expect(relay.registry.peers()).toHaveLength(3);
    const { tokens, failovers } = await answer(relay.coordinator.run(request, { signal: live() }));
    expect(tokens).toEqual(fakeAnswer(request));
    expect(failovers).toBe(0);
  });

  it('answers many requests at once, spread over the peers', async () => {
    const relay = await startRelay();
    const peers = await Promise.all([1, 2, 3].map(() => startContributor(relay.multiaddrs())));
    await seen(relay, ...peers);
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, seed) =>
        answer(relay.coordinator.run({ ...request, sampling: { ...request.sampling, seed } }, { signal: live() })),
      ),
    );
    for (const [seed, { tokens }] of answers.entries()) {
      expect(tokens).toEqual(fakeAnswer({ ...request, sampling: { ...request.sampling, seed } }));
    }
    expect(peers.map(({ generator }) => generator.requests.length)).toEqual([8, 8, 8]);
  });

  it('continues an answer equal to the undisturbed one when peers are killed in its middle', async () => {
    const relay = await startRelay();
    const peers: Contributor[] = [];
    const killAt = async (index: number, at: number, kill: (peer: Contributor) => unknown) => {
      const peer: Contributor = await startContributor(
        relay.multiaddrs(),
        { beforeToken: async ({ index: token }) => void (token === at && kill(peer)) },
        { decodeTokensPerSecond: 1_000 - index },
      );
      peers.push(peer);
    };
    await killAt(0, 10, ({ network }) => network.stop());
    await killAt(1, 17, ({ network }) => network.node.getConnections()[0]?.abort(new Error('cable cut')));
    await killAt(2, 99, () => {});
    await seen(relay, ...peers);
    const { tokens, failovers } = await answer(relay.coordinator.run(request, { signal: live() }));
    expect(tokens).toEqual(fakeAnswer(request));
    expect(failovers).toBe(2);
  });

  it('hands a running answer over when its peer leaves', async () => {
    const relay = await startRelay();
    const leaver: Contributor = await startContributor(
      relay.multiaddrs(),
      { beforeToken: async ({ index }) => void (index === 5 && leaver.serving.leave()) },
      { decodeTokensPerSecond: 900 },
    );
    const stayer = await startContributor(relay.multiaddrs());
    await seen(relay, leaver, stayer);
    const events: CoordinatorEvent[] = [];
    for await (const event of relay.coordinator.run(request, { signal: live() })) events.push(event);
    expect(events.flatMap((event) => (event.type === 'token' ? [event.token] : []))).toEqual(fakeAnswer(request));
    expect(events.filter(({ type }) => type === 'route')[1]).toMatchObject({ attempt: 2, reason: 'stage_leaving' });
    await until(relay.registry, () => relay.registry.get(leaver.network.peer) === undefined);
  });

  it('stops the generator when the client goes away', async () => {
    const relay = await startRelay();
    const aborted = Promise.withResolvers<void>();
    const peer = await startContributor(relay.multiaddrs(), {
      beforeToken: ({ index, signal }) => {
        if (index < 3) return Promise.resolve();
        signal.addEventListener('abort', () => aborted.resolve());
        return new Promise(() => {});
      },
    });
    await seen(relay, peer);
    const client = new AbortController();
    const events = relay.coordinator.run(request, { signal: client.signal })[Symbol.asyncIterator]();
    while ((await events.next()).value?.type !== 'token');
    client.abort(new Error('gone'));
    await aborted.promise;
    expect(peer.generator.aborted).toBe(1);
    await expect(
      (async () => {
        for (;;) await events.next();
      })(),
    ).rejects.toThrow('gone');
  });

  it('computes no further than its credit for a client that does not read, and goes on when it does', async () => {
    const relay = await startRelay();
    let computed = 0;
    const peer = await startContributor(relay.multiaddrs(), {
      beforeToken: async ({ index }) => {
        computed = index;
        await new Promise((resolve) => setImmediate(resolve));
      },
    });
    await seen(relay, peer);
    const long = { ...request, maxTokens: 2_000 };
    let computedAhead = 0;
    const tokens: number[] = [];
    for await (const event of relay.coordinator.run(long, { signal: live() })) {
      if (event.type !== 'token') continue;
      tokens.push(event.token);
      if (tokens.length !== 10) continue;
      // Many turns of the event loop in which the stage could run ahead.
      for (let turn = 0; turn < 3_000; turn++) await new Promise((resolve) => setImmediate(resolve));
      computedAhead = computed;
    }
    expect(computedAhead).toBeLessThan(INITIAL_CREDIT_TOKENS);
    expect(tokens).toEqual(fakeAnswer(long));
  });

  it('cuts off garbage and oversized streams while another session goes on', async () => {
    const relay = await startRelay();
    const released = Promise.withResolvers<void>();
    const peer = await startContributor(relay.multiaddrs(), {
      beforeToken: ({ index }) => (index === 20 ? released.promise : Promise.resolve()),
    });
    await seen(relay, peer);
    const running = answer(relay.coordinator.run(request, { signal: live() }));
    const connection = relay.node.getConnections(peer.network.node.peerId)[0];
    const garbage = [
      [addLengthPrefix(new Uint8Array(200).fill(0x81)), 'malformed_message'],
      [Uint8Array.of(0xff, 0xff, 0xff, 0x7f), 'message_too_large'],
      [Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 'malformed_message'],
    ] as const;
    for (const [bytes, code] of garbage) {
      const stream = await connection!.newStream(INFERENCE_PROTOCOL);
      const channel = createMessageChannel(stream, { readAheadBytes: MAX_STAGE_MESSAGE_BYTES });
      stream.send(bytes);
      const options = { maxBytes: MAX_STAGE_MESSAGE_BYTES };
      expect(await channel.receive(stageMessageSchema, options)).toMatchObject({ type: 'error', error: { code } });
      expect(await channel.receive(stageMessageSchema, options)).toBeUndefined();
      channel.abort(new Error('done'));
    }
    released.resolve();
    expect((await running).tokens).toEqual(fakeAnswer(request));
  });

  it('does not forward or believe adverts that are garbage', async () => {
    const relay = await startRelay();
    const liar = await startNetwork({ role: 'peer', region: REGION, relays: [placeOf(relay)] });
    const honest = await startContributor(relay.multiaddrs());
    await seen(relay, honest);
    await until(liar.registry, () => liar.registry.get(honest.network.peer) !== undefined);
    await liar.node.services.pubsub.publish(clusterTopic(REGION, 'starter'), new Uint8Array(50).fill(7));
    await liar.node.services.pubsub.publish(clusterTopic(REGION, 'starter'), new Uint8Array(5_000));
    honest.serving.pause();
    await until(relay.registry, () => relay.registry.get(honest.network.peer)?.advert.state === 'paused');
    expect(relay.registry.peers().map(({ peer }) => peer)).toEqual([honest.network.peer]);
  });

  it('takes no adverts of identities that are not connected to the relay', async () => {
    const relay = await startRelay();
    const honest = await startContributor(relay.multiaddrs());
    await seen(relay, honest);
    const topic = clusterTopic(REGION, 'starter');
    const validate = relay.node.services.pubsub.topicValidators.get(topic);
    for (let index = 0; index < 5; index++) {
      const { publicKey } = await generateKeyPair('Ed25519');
      const data = encodeAdvert({ v: 1, run: 1, sequence: 1, state: 'serving', kind: 'node', models: [served] });
      const from = peerIdFromPublicKey(publicKey);
      const outcome = await validate?.(honest.network.node.peerId, {
        type: 'signed',
        from,
        topic,
        data,
        sequenceNumber: 1n,
        signature: new Uint8Array(),
        key: publicKey,
      });
      expect(outcome).toBe('ignore');
    }
    expect(relay.registry.peers().map(({ peer }) => peer)).toEqual([honest.network.peer]);
  });

  it('is found again by its peers after a restart', async () => {
    const privateKey = await generatePrivateKey();
    const first = await startNetwork({ role: 'relay', region: REGION, privateKey });
    const [address = ''] = first.multiaddrs();
    const peer = await startContributor([address]);
    await seen(first, peer);
    const changes: boolean[] = [];
    const linkedAgain = Promise.withResolvers<void>();
    peer.network.onRelayChange((connected) => {
      changes.push(connected);
      if (connected) linkedAgain.resolve();
    });
    await first.stop();
    const listen = [address.replace(/\/p2p\/.*$/, '')];
    const second = await startNetwork({ role: 'relay', region: REGION, privateKey, listen });
    await seen(second, peer);
    await linkedAgain.promise;
    expect(changes).toEqual([false, true]);
    expect((await answer(second.coordinator.run(request, { signal: live() }))).tokens).toEqual(fakeAnswer(request));
  });

  it('uses a peer again that lost its connection and came back', async () => {
    const relay = await startRelay();
    const peer = await startContributor(relay.multiaddrs());
    await seen(relay, peer);
    const name = peer.network.peer;
    const before = relay.registry.get(name)?.advert.sequence ?? 0;
    peer.network.node.getConnections()[0]?.abort(new Error('cable cut'));
    await until(relay.registry, () => (relay.registry.get(name)?.advert.sequence ?? 0) > before);
    const { tokens, failovers } = await answer(relay.coordinator.run(request, { signal: live() }));
    expect(tokens).toEqual(fakeAnswer(request));
    expect(failovers).toBe(0);
    expect(relay.node.getConnections(peer.network.node.peerId)).toHaveLength(1);
  });

  it('forgets a peer whose connection breaks', async () => {
    const relay = await startRelay();
    const peer = await startContributor(relay.multiaddrs());
    await seen(relay, peer);
    const gone = until(relay.registry, () => relay.registry.get(peer.network.peer) === undefined);
    await peer.network.node.stop();
    await gone;
    await expect(answer(relay.coordinator.run(request, { signal: live() }))).rejects.toMatchObject({
      code: 'no_route',
    });
  });

  it('answers on this device itself what it serves, without a relay', async () => {
    const alone = await startNetwork({ role: 'peer', region: REGION });
    const generator = new FakeGenerator();
    alone.serve({ generator, served: () => [served], kind: 'tab' });
    const { tokens } = await answer(alone.coordinator.run(request, { signal: live() }));
    expect(tokens).toEqual(fakeAnswer(request));
    expect(alone.relayConnected()).toBe(false);
  });
});
