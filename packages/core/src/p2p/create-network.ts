import type { Connection, PeerId } from '@libp2p/interface';
import { TIERS } from '../capability/tiers.ts';
import { systemClock } from '../clock.ts';
import { OpenGatewayError } from '../errors.ts';
import type { ManifestHash, PeerName } from '../ids.ts';
import { createCoordinator } from '../inference/coordinator.ts';
import type { LocalStage } from '../inference/coordinator.ts';
import type { Generator } from '../inference/generator.ts';
import { createStage } from '../inference/stage.ts';
import type { SessionRequest, StageSession } from '../inference/stage-session.ts';
import type { Stage } from '../inference/stage.ts';
import { createActivationsService } from './activations/service.ts';
import { createInferenceService } from './inference/service.ts';
import { clusterTopics, createClusters } from './membership/clusters.ts';
import type { Presence } from './membership/service.ts';
import type { CreateNetwork, ServeInit, ServingHandle } from './network.ts';
import { useNativeWebRtc } from './native-web-rtc.ts';
import { createNode } from './node.ts';
import { forgetDeparted } from './forget-departed.ts';
import { createPeerDialer } from './peer-dialer.ts';
import { peerName } from './peer-name.ts';
import { replaceLostConnections } from './replace-connections.ts';
import { endSpareConnections } from './spare-connections.ts';
import { DHT_QUERY_TIMEOUT_MS, MAX_DESCRIBED_MODELS } from './relays/constants.ts';
import { askRelay, serveDescription } from './relays/describe-relay.ts';
import { createRelayDirectory } from './relays/relay-directory.ts';
import { regionKey } from './relays/dht-keys.ts';
import type { Dht, Provider } from './relays/dht.ts';
import { createRelayLinks } from './relays/relay-links.ts';
import { createWeightsService } from './weights/service.ts';

/** A second `serve` while one is active. */
export class AlreadyServingError extends OpenGatewayError {
  static override readonly name = 'AlreadyServingError';
  constructor() {
    super('already_serving', 'This node serves a generator already.');
  }
}

/**
 * Builds a node with membership, the inference protocol, a coordinator and, for a peer, the link to its relay.
 *
 * @example
 * const network = await createNetwork({}, { role: 'peer', region: 'europe', relays });
 * await network.start();
 * const serving = network.serve({ generator, served: () => [model], kind: 'node' });
 */
export const createNetwork: CreateNetwork = async (components, init) => {
  const { clock = systemClock, random = Math.random, logger } = components;
  const { role, region, privateKey, listen, iceServers } = init;
  const { announce, answered = () => [], sought = () => [], relays = [], tiers = TIERS } = init;
  const node = await createNode({ role, topics: clusterTopics(region), privateKey, listen, iceServers, announce });
  const peer = peerName(node.peerId);
  const dialer = createPeerDialer({ node, clock, logger }, { role });
  const { isConnected, rttMs } = dialer;
  const inference = createInferenceService({ node, dialer });
  const { openSession } = inference;
  const activations = createActivationsService({ node, dialer, clock });
  const isRelay = (id: PeerId) => node.services.chosenRelays.has(id);
  const clusters = createClusters(
    { pubsub: node.services.pubsub, events: node, self: node.peerId, isConnected, clock, logger, isRelay },
    { region, role, tiers },
  );
  const { registry } = clusters;
  const weights = createWeightsService(
    { node, dialer, registry, clock, random },
    init.uploadBytesPerSecond === undefined ? {} : { uploadBytesPerSecond: init.uploadBytesPerSecond },
  );
  const relayLinks =
    role === 'peer' && (typeof relays === 'function' || relays.length > 0)
      ? createRelayLinks(
          {
            node,
            askRegion: async (connection, options) => (await askRelay(connection, options)).region,
            findRelays: (through, options) => findRelays(node.services.dht, through, { region, ...options }),
            clock,
            random,
            logger,
          },
          { region, relays },
        )
      : undefined;
  relayLinks?.subscribe(() => {
    if (relayLinks.connected()) clusters.announce();
  });
  const directory =
    role === 'relay' && typeof relays !== 'function'
      ? createRelayDirectory(
          {
            node,
            dht: node.services.dht,
            askRelay,
            answered,
            sought,
            addresses: () => announce?.() ?? [],
            clock,
            logger,
          },
          { region, relays },
        )
      : undefined;
  const describe = () => ({
    v: 1 as const,
    region,
    serving: answered()
      .slice(0, MAX_DESCRIBED_MODELS)
      .map(({ id }) => id),
  });
  let stopDescribing: (() => Promise<void>) | undefined;

  const stopReplacing = replaceLostConnections(node);
  const stopForgetting = role === 'relay' ? forgetDeparted({ node, clock }) : () => {};
  const stopEnding = role === 'peer' ? endSpareConnections({ node, clock }) : () => {};

  let releaseWebRtc: (() => Promise<void>) | undefined;
  let serving: Serving | undefined;
  const local: LocalStage = {
    peer,
    generator: { generate: (request, options) => currentlyServing(serving).generator.generate(request, options) },
    served: (manifest) => serving?.serves(manifest),
    openPart: async (request, options) => currentlyServing(serving).openPart(request, peer, options),
  };
  const coordinator = createCoordinator(
    { registry, openSession, rttMs, clock, random, logger, local },
    init.hiddenFormat === undefined ? {} : { hiddenFormat: init.hiddenFormat },
  );

  return {
    peer,
    region,
    node,
    registry,
    coordinator,
    weights: weights.exchange,
    relayConnected: () => relayLinks?.connected() ?? false,
    linkedRelays: () => relayLinks?.linked() ?? [],
    onRelayChange: (listener) => relayLinks?.subscribe(() => listener(relayLinks.connected())) ?? (() => {}),
    otherRelays: () => directory?.relays() ?? [],
    multiaddrs: () => node.getMultiaddrs().map(String),
    relayedBytes: () => node.services.relay?.relayedBytes() ?? 0,
    reservations: () => node.services.relay?.reservations.size ?? 0,
    serve(serveInit) {
      if (serving !== undefined) throw new AlreadyServingError();
      const { generator, part } = serveInit;
      const chain = part === undefined ? undefined : { ...part, links: activations.links };
      const stage = createStage({ generator, clock, served: () => serveInit.served(), chain });
      const current = new Serving(serveInit, stage, {
        announce: clusters.announce,
        async leave(last) {
          await clusters.leave(last);
          await stage.drain();
          await inference.serve(null);
          await activations.serve(false);
          if (serving === current) serving = undefined;
        },
      });
      serving = current;
      clusters.setPresence(serveInit.tiers?.() ?? tiers, () => current.presence());
      Promise.all([inference.serve(stage), activations.serve(part !== undefined)]).catch((error: unknown) => {
        logger?.warn({ message: String(error) }, 'the protocols of a stage could not be registered');
      });
      return current;
    },
    async start() {
      if (role === 'peer') releaseWebRtc ??= useNativeWebRtc();
      await node.start();
      if (role === 'peer') await weights.start();
      clusters.start();
      relayLinks?.start();
      if (role === 'relay') stopDescribing = await serveDescription(node, describe);
      directory?.start();
    },
    async stop() {
      await serving?.leave();
      await weights.stop();
      relayLinks?.stop();
      directory?.stop();
      await stopDescribing?.();
      clusters.stop();
      stopReplacing();
      stopEnding();
      stopForgetting();
      dialer.stop();
      await node.stop();
      await releaseWebRtc?.();
    },
  };
};

/** Asks relays that are connected who else is of a region. */
async function findRelays(
  dht: Dht,
  through: readonly Connection[],
  { region, signal: over }: { region: string; signal: AbortSignal },
): Promise<readonly Provider[]> {
  const signal = AbortSignal.any([over, AbortSignal.timeout(DHT_QUERY_TIMEOUT_MS)]);
  await Promise.all(through.map(({ remotePeer }) => dht.meet(remotePeer, { signal })));
  return dht.findProviders(await regionKey(region), { signal });
}

interface ServingHooks {
  announce(): void;
  leave(last: Presence): Promise<void>;
}

class Serving implements ServingHandle {
  readonly #init: ServeInit;
  readonly #stage: Stage;
  readonly #hooks: ServingHooks;
  #state: Presence['state'] = 'serving';
  #left: Promise<void> | undefined;

  constructor(init: ServeInit, stage: Stage, hooks: ServingHooks) {
    this.#init = init;
    this.#stage = stage;
    this.#hooks = hooks;
    if (init.loading !== true) return;
    this.#state = 'loading';
    stage.pause();
  }

  get generator(): Generator {
    return this.#init.generator;
  }

  presence(): Presence {
    return { state: this.#state, kind: this.#init.kind, models: [...this.#init.served()] };
  }

  serves(manifest: ManifestHash) {
    if (this.#state !== 'serving') return undefined;
    return this.#init.served().find((model) => model.manifest === manifest);
  }

  openPart(request: SessionRequest, self: PeerName, options: { signal: AbortSignal }): Promise<StageSession> {
    return this.#stage.open(request, self, options);
  }

  announce(): void {
    this.#hooks.announce();
  }

  ready(): void {
    this.#serveAfter('loading');
  }

  pause(): void {
    if (this.#state !== 'serving') return;
    this.#state = 'paused';
    this.#stage.pause();
    this.#hooks.announce();
  }

  resume(): void {
    this.#serveAfter('paused');
  }

  leave(): Promise<void> {
    this.#state = 'leaving';
    this.#left ??= this.#hooks.leave({ state: 'leaving', kind: this.#init.kind, models: [] });
    return this.#left;
  }

  sessions(): number {
    return this.#stage.sessions();
  }

  #serveAfter(state: 'loading' | 'paused'): void {
    if (this.#state !== state) return;
    this.#state = 'serving';
    this.#stage.resume();
    this.#hooks.announce();
  }
}

function currentlyServing(serving: Serving | undefined): Serving {
  if (serving === undefined) throw new Error('Nothing is served here.');
  return serving;
}
