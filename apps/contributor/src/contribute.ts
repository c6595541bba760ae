import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  MAX_MANIFEST_BYTES,
  ManifestUnavailableError,
  chooseRegion,
  createContributor,
  createPersistentContributor,
  entryTier,
  fromWire,
  qualifiedTiers,
  systemClock,
} from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import { checkEngine, createEngineClient, defaultThreads, probeNode } from '@opengateway/gpu-worker/node';
import { ModelNotOfferedError } from './errors.ts';
import { awaitBootstrap, fetchBootstrap } from './fetch-bootstrap.ts';
import { followContributor } from './follow-contributor.ts';
import { getBytes } from './get-bytes.ts';
import { profileHere } from './profile-here.ts';
import type { CatalogEntry, Contributor } from '@opengateway/core';
import type { Network } from '@opengateway/core/p2p';
import type { WeightsLocation } from '@opengateway/gpu-worker/node';
import type { Log } from './log.ts';
import type { ContributeOptions } from './options.ts';

/**
 * Joins, loads and serves until the signal is aborted; then leaves and resolves.
 *
 * @throws what kept it from serving, or the error that ended it.
 */
export async function contribute(
  options: ContributeOptions,
  { log, signal }: { log: Log; signal: AbortSignal },
): Promise<void> {
  const { relay } = options;
  const components = { getBytes, clock: systemClock };
  const bootstrap = await awaitBootstrap(components, relay, {
    signal,
    onRetry: (error, waitMs) => log({ event: 'relay-waiting', reason: (error as Error).message, waitMs }),
  });
  const [entry, ...others] = chooseModels(bootstrap.catalog, options.modelIds);
  const probe = await probeNode(options.dataDirectory);
  const { region, source } = chooseRegion(bootstrap, options.region);
  const weightsFolder = join(options.dataDirectory, 'weights');
  const { storageBytes } = options;
  const tiers = qualifiedTiers(await profileHere(probe, { folder: weightsFolder, storageBytes }));
  const network = await createNetwork(
    {},
    {
      role: 'peer',
      region,
      tiers: [...new Set([...tiers, ...[entry, ...others].map(entryTier)])],
      ...(options.uploadBytesPerSecond === undefined ? {} : { uploadBytesPerSecond: options.uploadBytesPerSecond }),
      relays: async () => chooseRegion(await fetchBootstrap(components, relay, signal), options.region).relays,
      iceServers: bootstrap.iceServers,
    },
  );
  const createEngine = () => createEngineClient({ storeDirectory: weightsFolder, weights: network.weights });
  const engine = createEngine();
  const serving = createContributor<WeightsLocation>(
    {
      engine,
      createEngine,
      network,
      clock: systemClock,
      fetchManifest: (model, aborted) => fetchManifest(model, relay, aborted),
      locateWeights: (model) => locateWeights(model, relay, options.models),
      checkDevice: async ({ engine: kind }) => checkEngine(probe, kind),
    },
    { kind: 'node', ...(options.kvBudgetBytes === undefined ? {} : { kvBudgetBytes: options.kvBudgetBytes }) },
  );
  const contributor = createPersistentContributor({ contributor: serving, clock: systemClock, random: Math.random });
  const unfollow = followContributor(contributor, log, () => systemClock.now());
  try {
    await network.start();
    log({ event: 'joined', relay, region, regionSource: source, tiers, peer: network.peer });
    const threads = options.threads ?? defaultThreads(probe);
    const { layers, memoryBytes } = options;
    const lent = {
      ...(layers === undefined ? {} : { layers }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(storageBytes === undefined ? {} : { storageBytes }),
    };
    const start = { entry, others, tiers, engine: options.engine, threads, ...lent };
    await startUnless(contributor, start, signal);
    await endOf(contributor, signal);
  } finally {
    await contributor.stop();
    unfollow();
    logGiven(network, log);
    await network.stop();
    await engine.terminate();
  }
}

/** The models named, or the first there is. @throws ModelNotOfferedError */
function chooseModels(
  catalog: readonly CatalogEntry[],
  wanted: readonly string[] | undefined,
): readonly [CatalogEntry, ...CatalogEntry[]] {
  const offered = catalog.map(({ id }) => id);
  const [first, ...others] = (wanted ?? offered.slice(0, 1)).map((id) => {
    const entry = catalog.find((candidate) => candidate.id === id);
    if (entry === undefined) throw new ModelNotOfferedError(id, offered);
    return entry;
  });
  if (first === undefined) throw new ModelNotOfferedError(undefined, offered);
  return [first, ...others];
}

async function fetchManifest(entry: CatalogEntry, relay: string, signal: AbortSignal): Promise<Uint8Array> {
  const url = new URL(entry.manifestUrl, relay).href;
  try {
    return await getBytes(url, { signal, maxBytes: MAX_MANIFEST_BYTES });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new ManifestUnavailableError(url, (cause as Error).message, { cause });
  }
}

function locateWeights(entry: CatalogEntry, relay: string, models: string | undefined): WeightsLocation {
  if (models !== undefined) {
    const path = join(models, entry.id);
    if (existsSync(path)) return { kind: 'directory', path };
  }
  return { kind: 'http', baseUrl: new URL('.', new URL(entry.manifestUrl, relay)).href };
}

function logGiven({ weights }: Network, log: Log): void {
  const bytes = weights.uploadedBytes();
  const peers = [...weights.accounts().values()].filter(({ bytesSent }) => bytesSent > 0).length;
  if (bytes > 0) log({ event: 'weights-given', bytes, peers });
}

/** Starts; a signal in the meantime stops it again and is no failure. */
async function startUnless(
  contributor: Contributor,
  options: Parameters<Contributor['start']>[0],
  signal: AbortSignal,
): Promise<void> {
  const stop = () => void contributor.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    await contributor.start(options);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Resolves when the signal is aborted; rejects with what put the contributor into `error` for good. */
function endOf(contributor: Contributor, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    contributor.subscribe(({ state, error, recovery }) => {
      const comesBack = typeof recovery?.nextAtMs === 'number';
      if (state === 'error' && error !== null && !comesBack) reject(fromWire(error));
    });
  });
}
