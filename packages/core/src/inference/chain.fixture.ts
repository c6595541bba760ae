import type { Stream } from '@libp2p/interface';
import { streamPair } from '@libp2p/utils';
import { multiaddr } from '@multiformats/multiaddr';
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { LayerRange, ManifestHash, ModelId, PeerName } from '../ids.ts';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import type { ServedModel } from '../membership/advert.ts';
import { createPeerRegistry } from '../membership/peer-registry.ts';
import { FakeGenerator } from '../testing/fake-generator.ts';
import { FAKE_MODEL_SHAPE } from '../testing/fake-layer-model.ts';
import { FakeLayerRunner } from '../testing/fake-layer-runner.ts';
import type { FakeLayerRunnerInit } from '../testing/fake-layer-runner.ts';
import { createCoordinator } from './coordinator.ts';
import type { CoordinatorInit } from './coordinator.ts';
import type { CoordinatorEvent, CoordinatorRequest } from './coordinator-types.ts';
import { SessionLostError } from './errors.ts';
import { openRemoteSession } from './remote-session.ts';
import { createStage } from './stage.ts';
import type { Stage } from './stage.ts';
import { createStageLinks } from './stage-links.ts';
import type { StageLinks } from './stage-links.ts';

const MANIFEST = 'c'.repeat(64) as ManifestHash;
const COORDINATOR = 'coordinator' as PeerName;

/** Otherwise every pair takes two ports of its own, of which there are not enough for ten thousand sessions. */
const remoteAddr = multiaddr('/ip4/127.0.0.1/tcp/1');
const PAIR = { outboundConnection: { remoteAddr }, inboundConnection: { remoteAddr } };

export const chainRequest: CoordinatorRequest = {
  model: 'fake' as ModelId,
  manifest: MANIFEST,
  layerCount: FAKE_MODEL_SHAPE.layerCount,
  vocabularySize: FAKE_MODEL_SHAPE.vocabularySize,
  tokens: Array.from({ length: 11 }, (_, index) => 100 + index),
  promptTokenCount: 11,
  maxTokens: 24,
  endTokens: [0],
  sampling: { ...DEFAULT_SAMPLING, seed: 5 },
};

/** One peer in memory, with a part of the fake model. */
export interface ChainPeer {
  readonly name: PeerName;
  readonly runner: FakeLayerRunner;
  readonly stage: Stage;
  readonly links: StageLinks;
  /** Streams of others that end here or began here, both ends of each. */
  readonly streams: Set<Stream>;
  /** Resets everything it has, and is never reached again until it announces itself. */
  kill(): void;
  announce(): void;
}

/** Peers in one process whose streams are pairs in memory; everything above the streams is the real thing. */
export class ChainNetwork {
  readonly peers = new Map<PeerName, ChainPeer>();
  readonly clock: Clock;
  readonly coordinator;
  readonly #registry;
  readonly #dead = new Set<PeerName>();
  #sequence = 0;
  /** Sees every piece of bytes on the way between two stages; may change or drop it. */
  onActivation: ((from: PeerName, to: PeerName, bytes: Uint8Array) => Uint8Array | undefined) | undefined;

  constructor(init: CoordinatorInit & { clock?: Clock } = {}) {
    this.clock = init.clock ?? systemClock;
    this.#registry = createPeerRegistry({ clock: this.clock });
    this.coordinator = createCoordinator(
      {
        registry: this.#registry,
        openSession: async (name, request, options) => {
          const peer = this.#alive(name);
          const [near, far] = await this.#pair(peer);
          void peer.stage.handle(far, COORDINATOR);
          return openRemoteSession(near, request, options);
        },
        rttMs: (name) => (this.#dead.has(name) ? undefined : 1),
        clock: this.clock,
        random: () => 0.5,
      },
      { rerouteWaitMs: 2_000, ...init },
    );
  }

  add(name: string, layers: LayerRange, init: FakeLayerRunnerInit = {}): ChainPeer {
    const runner = new FakeLayerRunner({ ...init, layers });
    const links = createStageLinks({
      clock: this.clock,
      openStream: async (to) => {
        this.#alive(peer.name);
        const target = this.#alive(to);
        const [near, far] = await this.#pair(target, peer);
        void target.links.handle(far, peer.name);
        return { stream: this.#watched(near, peer.name, to), direct: true, rttMs: 0.5 };
      },
    });
    const stage = createStage({
      generator: new FakeGenerator(),
      clock: this.clock,
      served: () => [this.#served(layers)],
      chain: { runner, links, shape: () => FAKE_MODEL_SHAPE },
    });
    const peer: ChainPeer = {
      name: name as PeerName,
      runner,
      stage,
      links,
      streams: new Set(),
      kill: () => {
        this.#dead.add(peer.name);
        this.#registry.forget(peer.name);
        for (const stream of peer.streams) stream.abort(new SessionLostError('killed'));
      },
      announce: () => {
        this.#dead.delete(peer.name);
        this.#registry.offer(peer.name, {
          v: 1,
          sequence: (this.#sequence += 1),
          run: 1,
          state: 'serving',
          kind: 'node',
          models: [this.#served(layers)],
        });
      },
    };
    this.peers.set(peer.name, peer);
    peer.announce();
    return peer;
  }

  run(
    change: Partial<CoordinatorRequest> = {},
    signal = new AbortController().signal,
  ): AsyncIterable<CoordinatorEvent> {
    return this.coordinator.run({ ...chainRequest, ...change }, { signal });
  }

  /** Whether no session, sequence, way or stream is left anywhere. */
  isQuiet(): boolean {
    return [...this.peers.values()].every(
      ({ stage, runner, links, streams }) =>
        stage.sessions() === 0 && runner.running === 0 && links.parked() === 0 && streams.size === 0,
    );
  }

  #alive(name: PeerName): ChainPeer {
    const peer = this.peers.get(name);
    if (peer === undefined || this.#dead.has(name)) throw new SessionLostError('gone');
    return peer;
  }

  async #pair(...owners: ChainPeer[]): Promise<[Stream, Stream]> {
    const pair = await streamPair(PAIR);
    for (const owner of owners) {
      for (const end of pair) {
        owner.streams.add(end);
        end.addEventListener('close', () => owner.streams.delete(end), { once: true });
      }
    }
    return pair;
  }

  #watched(stream: Stream, from: PeerName, to: PeerName): Stream {
    const send = stream.send.bind(stream);
    stream.send = (data) => {
      const changed = this.onActivation === undefined ? data : this.onActivation(from, to, data.subarray());
      return changed === undefined ? true : send(changed);
    };
    return stream;
  }

  #served({ start, end }: LayerRange): ServedModel {
    return {
      id: 'fake',
      manifest: MANIFEST,
      layers: [start, end],
      engine: 'wasm',
      contextLength: 2_048,
      // One is kept from the one coordinator.
      slots: 9,
      freeSlots: 9,
      queued: 0,
      decodeTokensPerSecond: 100,
      prefillTokensPerSecond: 1_000,
    };
  }
}
