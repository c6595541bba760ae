import {
  TIERS,
  chooseRegion,
  createContributor,
  createManifestFetcher,
  createPersistentContributor,
  systemClock,
} from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import { checkEngine, createEngineClient, locatePackage, probeBrowser } from '@opengateway/gpu-worker';
import { createRelayClient } from '../api/relay-client.ts';
import { JOIN_TIMEOUT_MS } from './constants.ts';
import { JoinTimeoutError } from './errors.ts';
import { planAhead } from './plan-ahead.ts';
import { createTabAnswers, weightsBase } from './tab-answers.ts';
import { createDeviceCoordinator } from './device-coordinator.ts';
import type { BootstrapDocument, Generator, Region, StartContributing } from '@opengateway/core';
import type { Network, ServeInit } from '@opengateway/core/p2p';
import type { WeightsLocation } from '@opengateway/gpu-worker';
import type { PeerLink, SiteNode } from './types.ts';

/**
 * Joins a region with this tab: the one chosen, else that of its address where a relay is known there, else the
 * relay's own. Membership, the inference protocol, a contributor.
 *
 * @throws JoinTimeoutError, or what libp2p throws at its start.
 */
export async function createSiteNode(
  bootstrap: BootstrapDocument,
  base: string,
  chosen: Region | null,
): Promise<SiteNode> {
  const relay = createRelayClient({ fetch: (input, init) => fetch(input, init), now: () => performance.now() }, base);
  const override = chosen ?? undefined;
  const { region } = chooseRegion(bootstrap, override);
  const { iceServers } = bootstrap;
  // Asked again before every search: relays come and go, and one that was restarted may have another identity.
  const relays = async () => chooseRegion((await relay.bootstrap()).document, override).relays;
  const network = await createNetwork({}, { role: 'peer', region, relays, iceServers });
  await network.start();
  try {
    await firstLink(network);
  } catch (error) {
    await network.stop();
    throw error;
  }

  let serve: ServeInit | null = null;
  const createEngine = () => createEngineClient({ weights: network.weights });
  const engine = createEngine();
  const fetchManifest = createManifestFetcher((input, init) => fetch(input, init), base);
  const serving = createContributor<WeightsLocation>(
    {
      engine,
      createEngine,
      network: {
        serve(init) {
          serve = init;
          return network.serve(init);
        },
        peer: network.peer,
        registry: network.registry,
        relayConnected: network.relayConnected,
        onRelayChange: network.onRelayChange,
      },
      clock: systemClock,
      fetchManifest,
      locateWeights: (entry) =>
        entry.package === undefined
          ? { kind: 'http', baseUrl: weightsBase(entry, base) }
          : locatePackage(entry.package, base),
      checkDevice,
    },
    { kind: 'tab' },
  );
  const contributor = createPersistentContributor({ contributor: serving, clock: systemClock, random: Math.random });
  const announced = () => serve?.served() ?? [];
  const ownModels = () => {
    const { state } = contributor.snapshot();
    return state === 'serving' || state === 'paused' ? announced() : [];
  };
  const { peer, registry } = network;
  const computeHere: Generator['generate'] = (request, options) => {
    const [first] = contributor.snapshot().held;
    // Straight to the engine where that has the model: what this tab asks of itself is not given to others.
    const isLoaded = first?.state === 'memory' && (request.manifest ?? first.entry.manifest) === first.entry.manifest;
    return (isLoaded || serve === null ? engine.generator : serve.generator).generate(request, options);
  };
  const alone = createDeviceCoordinator({ peer, generator: { generate: computeHere }, served: ownModels });
  const answers = createTabAnswers({ peer, fetchManifest, base });
  contributor.subscribe(({ state, model }) => {
    // What an earlier run served says nothing of this one.
    if (state === 'idle' || state === 'probing') serve = null;
    // Ready before the first question, and while the relay is sure to be there.
    if (state === 'serving' && model !== null) answers.prepare(model);
  });

  return {
    peer,
    region,
    registry,
    contributor,
    self() {
      const { state } = contributor.snapshot();
      const models = announced();
      if (models.length === 0 || state === 'error') return null;
      const advertised = state === 'serving' || state === 'paused' ? state : 'loading';
      return {
        peer,
        advert: { v: 1, sequence: 0, run: 0, state: advertised, kind: 'tab', models: [...models] },
        lastSeenMs: systemClock.now(),
        tiers: serve?.tiers?.() ?? TIERS,
      };
    },
    relayConnected: network.relayConnected,
    onRelayChange: network.onRelayChange,
    relays: network.linkedRelays,
    givenWeights() {
      const given = [...network.weights.accounts().values()].filter(({ bytesSent }) => bytesSent > 0);
      return { bytes: network.weights.uploadedBytes(), peers: given.length };
    },
    setUploadBytesPerSecond: (bytesPerSecond) => network.weights.setUploadBytesPerSecond(bytesPerSecond),
    link: (name) => linkTo(network, name),
    plan: (entry, rttMs) => planAhead(entry, { peers: registry.peers(), own: { peer, models: ownModels() }, rttMs }),
    answerHere: (request, entry, options) => answers.answer(alone, request, entry, options),
    answerDirect: (request, entry, options) => answers.answer(network.coordinator, request, entry, options),
    async stop() {
      await contributor.stop();
      await network.stop();
      answers.close();
    },
  };
}

/** The relay's name in the address of a connection that it carries. */
const RELAY_OF_CIRCUIT = /\/p2p\/([^/]+)\/p2p-circuit/;

function linkTo({ node }: Network, peer: string): PeerLink | null {
  const open = node.getConnections().filter((each) => each.status === 'open' && String(each.remotePeer) === peer);
  const direct = open.find(({ limits }) => limits === undefined);
  const connection = direct ?? open[0];
  if (connection === undefined) return null;
  const carrier = direct === undefined ? RELAY_OF_CIRCUIT.exec(String(connection.remoteAddr))?.[1] : undefined;
  return { direct: direct !== undefined, rttMs: connection.rtt ?? null, relay: carrier ?? null };
}

/** Resolves when the network is linked to its relay for the first time. */
async function firstLink(network: Pick<Network, 'relayConnected' | 'onRelayChange'>): Promise<void> {
  if (network.relayConnected()) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new JoinTimeoutError(JOIN_TIMEOUT_MS / 1000)), JOIN_TIMEOUT_MS);
  const end = network.onRelayChange((connected) => {
    if (connected) resolve();
  });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    end();
  }
}

async function checkDevice({ engine }: StartContributing, signal: AbortSignal): Promise<void> {
  const probe = await probeBrowser();
  signal.throwIfAborted();
  checkEngine(probe, engine);
}
