import { createContributor, createManifestFetcher, createPersistentContributor, systemClock } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import { checkEngine, createEngineClient, locatePackage, probeBrowser } from '@opengateway/gpu-worker';
import { createRelayClient } from '../api/relay-client.ts';
import { JOIN_TIMEOUT_MS } from './constants.ts';
import { JoinTimeoutError } from './errors.ts';
import { planAhead } from './plan-ahead.ts';
import { createTabAnswers, weightsBase } from './tab-answers.ts';
import { createDeviceCoordinator } from './device-coordinator.ts';
import type { BootstrapDocument, ServedModel, StartContributing } from '@opengateway/core';
import type { Network, ServeInit } from '@opengateway/core/p2p';
import type { WeightsLocation } from '@opengateway/gpu-worker';
import type { PeerLink, SiteNode } from './types.ts';

/**
 * Joins the relay's region with this tab: membership, the inference protocol, a contributor.
 *
 * @throws JoinTimeoutError, or what libp2p throws at its start.
 */
export async function createSiteNode(bootstrap: BootstrapDocument, base: string): Promise<SiteNode> {
  const relay = createRelayClient({ fetch: (input, init) => fetch(input, init), now: () => performance.now() }, base);
  // Asked again before every dial: a relay that was restarted may have another identity.
  const relayMultiaddrs = async () => (await relay.bootstrap()).document.relay.multiaddrs;
  const { region, iceServers } = bootstrap;
  const network = await createNetwork({}, { role: 'peer', region, relayMultiaddrs, iceServers });
  await network.start();
  try {
    await firstLink(network);
  } catch (error) {
    await network.stop();
    throw error;
  }

  let served: ServeInit['served'] | null = null;
  const engine = createEngineClient({ weights: network.weights });
  const fetchManifest = createManifestFetcher((input, init) => fetch(input, init), base);
  const serving = createContributor<WeightsLocation>(
    {
      engine,
      network: {
        serve(init) {
          ({ served } = init);
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
  const ownModels = (): readonly ServedModel[] => {
    const { state } = contributor.snapshot();
    return state === 'serving' || state === 'paused' ? (served?.() ?? []) : [];
  };
  const { peer, registry } = network;
  const alone = createDeviceCoordinator({ peer, generator: engine.generator, served: ownModels });
  const answers = createTabAnswers({ peer, fetchManifest, base });
  contributor.subscribe(({ state, model }) => {
    // What an earlier run served says nothing of this one.
    if (state === 'idle' || state === 'probing') served = null;
    // Ready before the first question, and while the relay is sure to be there.
    if (state === 'serving' && model !== null) answers.prepare(model);
  });

  return {
    peer,
    registry,
    contributor,
    self() {
      const { state } = contributor.snapshot();
      const models = served?.() ?? [];
      if (models.length === 0 || state === 'error') return null;
      const advertised = state === 'serving' || state === 'paused' ? state : 'loading';
      return {
        peer,
        advert: { v: 1, sequence: 0, run: 0, state: advertised, kind: 'tab', models: [...models] },
        lastSeenMs: systemClock.now(),
      };
    },
    relayConnected: network.relayConnected,
    onRelayChange: network.onRelayChange,
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

function linkTo({ node }: Network, peer: string): PeerLink | null {
  const open = node.getConnections().filter((each) => each.status === 'open' && String(each.remotePeer) === peer);
  const direct = open.find(({ limits }) => limits === undefined);
  const connection = direct ?? open[0];
  if (connection === undefined) return null;
  return { direct: direct !== undefined, rttMs: connection.rtt ?? null };
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
  // Unasked answers differ by browser (some ask the person); weights are kept either way until room is needed.
  void navigator.storage?.persist?.().catch(() => undefined);
  const probe = await probeBrowser();
  signal.throwIfAborted();
  checkEngine(probe, engine);
}
