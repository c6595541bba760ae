import { fileURLToPath } from 'node:url';
import { createCompletions, OpenGatewayError, systemClock } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import { createApp } from './app.ts';
import { loadCatalog } from './catalog.ts';
import { createClientKeys } from './client-key.ts';
import { CompletionRate } from './completion-rate.ts';
import { CLOSE_TIMEOUT_MS, DRAIN_TIMEOUT_MS, READY_MODELS_MS } from './constants.ts';
import { contributorProcessInit, startContributorProcess } from './contributor-process.ts';
import { DrainGate } from './drain-gate.ts';
import { openCountryDatabase } from './geo/country-database.ts';
import { clientAddressReader } from './geo/read-client-address.ts';
import { loadIdentity } from './identity.ts';
import { createMetrics } from './metrics.ts';
import { hostCheck } from './middleware/allowed-host.ts';
import { addOperatorCatalog } from './operator-catalog.ts';
import { answeredModels, bestModel, missingParts, readyModels, soughtModels } from './readiness.ts';
import { cacheLook } from './readiness-cache.ts';
import { mergeRelays, relaysServing } from './known-relays.ts';
import { websocketMultiaddr } from './relay-address.ts';
import { startServer } from './server.ts';
import { loadSite } from './site-files.ts';
import { openTextModels } from './text-models.ts';
import { UpgradeProxy } from './upgrade-proxy.ts';
import type { Logger } from 'pino';
import type { CatalogModel } from './catalog.ts';
import type { RelayConfig } from './config.ts';
import type { OpenTextClient } from './text-models.ts';
import type { UpgradeTarget } from './upgrade-proxy.ts';

export interface Relay {
  /** Address of this relay for a browser on this machine. */
  readonly url: string;
  /** Resolves with the models that can be answered with, as soon as there is one; never if stopped before. */
  readonly ready: Promise<readonly string[]>;
  /** Lets running answers finish, then closes everything. */
  stop(): Promise<void>;
}

export interface RelayComponents {
  readonly logger: Logger;
  readonly openTextClient: OpenTextClient;
}

const SITE = fileURLToPath(new URL('../../web/dist', import.meta.url));

/**
 * Starts everything a relay is, in this process but for its contributor.
 *
 * @throws ModelsDirectoryError, CatalogError, CatalogFileError, CountryDatabaseError, DataDirectoryError,
 * ListenError: each says which setting to change.
 */
export async function startRelay({ logger, openTextClient }: RelayComponents, config: RelayConfig): Promise<Relay> {
  const [catalog, countryOf, files, privateKey] = await Promise.all([
    readCatalog(config),
    openCountryDatabase(),
    loadSite(SITE),
    loadIdentity(config.dataDirectory),
  ]);
  const { region, hiddenFormat } = config;
  const texts = openTextModels({ logger, openTextClient }, catalog);
  const gate = new DrainGate();
  /** Where this relay is reached from outside, as soon as it listens. */
  let addresses: readonly string[] | undefined;
  const network = await createNetwork(
    { logger },
    {
      role: 'relay',
      region,
      privateKey,
      hiddenFormat,
      relays: config.relays.map(({ region: theirs, url }) => ({
        region: theirs,
        multiaddrs: [websocketMultiaddr(new URL(url))],
      })),
      announce: () => addresses,
      answered: () => answeredModels(readiness, ready.get()),
      sought: () => soughtModels(readiness, ready.get()),
    },
  );
  const readiness = { catalog, gate, registry: network.registry, texts };
  const ready = cacheLook({ look: () => readyModels(readiness), clock: systemClock }, { keepMs: READY_MODELS_MS });
  await network.start();

  const hostAllowed = hostCheck(config);
  // Behind a proxy every connection has the proxy's address: it alone can tell clients apart.
  const isBehindProxy = config.publicUrl !== null || config.trustedProxies !== null;
  const unlimited = isBehindProxy ? { maxPerAddress: Number.POSITIVE_INFINITY } : {};
  const upgrades = new UpgradeProxy(listenerOf(network.multiaddrs()), { hostAllowed, ...unlimited });
  const metrics = createMetrics(
    {
      peers: () => network.registry.peers().length,
      activeAnswers: () => gate.active,
      upgradedConnections: () => upgrades.connections,
      waitingRequests: () => network.coordinator.stats().waiting,
      relayedBytes: network.relayedBytes,
      reservations: network.reservations,
    },
    { processMetrics: true },
  );
  const otherRelays = () => ({ region, configured: config.relays, found: network.otherRelays() });
  const app = createApp({
    completions: createCompletions({ coordinator: network.coordinator, models: texts }),
    gate,
    metrics,
    logger,
    catalog,
    site: files,
    peer: network.peer,
    region: config.region,
    publicUrl: config.publicUrl,
    iceServers: config.iceServers,
    countryOf,
    clientAddress: clientAddressReader(config),
    clientKeyOf: createClientKeys(),
    rate: new CompletionRate(systemClock),
    waiting: () => network.coordinator.stats().waiting,
    bestModel: () => bestModel(readiness),
    serving: ready.get,
    relays: () => mergeRelays(otherRelays()),
    relaysWith: (model) => relaysServing(otherRelays(), model),
    apiKey: config.apiKey,
    hostAllowed,
    missing: () => missingParts(readiness),
  });
  const server = await startServer({ fetch: app.fetch, upgrades }, { ...config, ...unlimited }).catch(
    async (error: unknown) => {
      await Promise.allSettled([network.stop(), texts.close()]);
      throw error;
    },
  );
  if (config.publicUrl !== null && config.trustedProxies === null) {
    logger.warn('behind a proxy all clients look alike: set TRUSTED_PROXIES for their regions and for fair turns');
  }
  const site = contributorUrl(config.host, server.port);
  const outside = config.publicUrl ?? (isEveryAddress(config.host) ? null : new URL(site));
  addresses = outside === null ? [] : [`${websocketMultiaddr(outside)}/p2p/${network.peer}`];
  if (outside === null && config.relays.length > 0) {
    logger.warn(
      { host: config.host },
      'other relays are not told where this one is: set PUBLIC_URL to the address that they and their peers reach it by',
    );
  }
  const contributor = config.contribute
    ? startContributorProcess(
        { logger },
        contributorProcessInit(site, {
          models: config.modelsDirectory,
          data: config.dataDirectory,
        }),
      )
    : undefined;
  logger.info({ host: config.host, port: server.port, peer: network.peer, region: config.region }, 'listening');

  const { promise: firstReady, resolve: becomeReady } = Promise.withResolvers<readonly string[]>();
  const unsubscribe = network.registry.subscribe(lookIfReady);
  void texts.opened.then(lookIfReady);
  function lookIfReady(): void {
    const models = ready.refresh();
    if (models.length === 0) return;
    unsubscribe();
    becomeReady(models);
  }

  return {
    url: `http://localhost:${server.port}`,
    ready: firstReady,
    async stop() {
      logger.info({ answers: gate.active }, 'stopping');
      // Connections are still taken, so that new requests are told to come back.
      await gate.drain(DRAIN_TIMEOUT_MS);
      server.stopListening();
      await contributor?.stop(CLOSE_TIMEOUT_MS);
      await inTime([server.close(), network.stop(), texts.close()]);
      logger.info('stopped');
    },
  };
}

/** The models of MODELS_DIR and of the operator's own list. */
async function readCatalog({ modelsDirectory, catalogFile }: RelayConfig): Promise<readonly CatalogModel[]> {
  const local = await loadCatalog(modelsDirectory);
  return catalogFile === null ? local : await addOperatorCatalog(catalogFile, local);
}

/** The loopback port that libp2p listens on. */
function listenerOf(multiaddrs: readonly string[]): UpgradeTarget {
  for (const multiaddr of multiaddrs) {
    const [, host, port] = /^\/ip4\/(127\.[\d.]+)\/tcp\/(\d+)\/ws\b/.exec(multiaddr) ?? [];
    if (host !== undefined && port !== undefined) return { host, port: Number(port) };
  }
  throw new OpenGatewayError('no_listener', 'libp2p does not listen on loopback.');
}

/** Whether `host` stands for all addresses of this machine, so that it says nothing about where it is reached. */
const isEveryAddress = (host: string): boolean => /^(0\.0\.0\.0|[0:]+)$/.test(host);

/** How a process on this machine reaches what listens on `host`. */
function contributorUrl(host: string, port: number): string {
  if (host === '0.0.0.0' || host === 'localhost') return `http://127.0.0.1:${port}`;
  if (isEveryAddress(host)) return `http://[::1]:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Waits for all, but not longer than a stop may take. */
async function inTime(work: readonly Promise<unknown>[]): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
  });
  await Promise.race([Promise.allSettled(work), late]);
  clearTimeout(timer);
}
