/**
 * Several peers in one process, with the real network and a stand-in for the engine: sixty real ones do not fit one
 * machine. Started by `RegionLab`; tells its parent whom each peer knows, and what came to it over the wire.
 */
import { chooseRegion } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import type { CatalogEntry, GenerateEvent, PeerName, Region, ServedModel, Tier } from '@opengateway/core';
import { readBootstrap } from './region-lab.ts';
import { watchStreams } from './region-streams.ts';
import type { MetPeer } from './region-streams.ts';
import { authorName, watchGossip } from './watch-gossip.ts';

export interface RegionPeersOptions {
  /** Of any relay. */
  readonly bootstrap: string;
  readonly region: Region;
  /** The clusters of each peer. */
  readonly peers: readonly (readonly Tier[])[];
}

/** What one peer knows and has seen. */
export interface RegionPeerReport {
  readonly peer: PeerName;
  readonly tiers: readonly Tier[];
  readonly known: readonly { readonly peer: PeerName; readonly tiers: readonly Tier[] }[];
  readonly linked: readonly PeerName[];
  /** Topics of the gossip that reached it, whoever sent that and for whom. */
  readonly topics: readonly string[];
  /** Everyone who signed it, and this peer as such. */
  readonly authors: readonly string[];
  readonly author: string;
  readonly met: readonly MetPeer[];
}

const options = JSON.parse(process.argv[2] ?? '') as RegionPeersOptions;
const { region } = options;
const first = await readBootstrap(options.bootstrap, region);
const entry = first.catalog[0] as CatalogEntry;

const served: ServedModel = {
  id: entry.id,
  manifest: entry.manifest,
  layers: [0, entry.layerCount],
  engine: 'wasm',
  contextLength: entry.contextLength,
  slots: 4,
  freeSlots: 4,
  queued: 0,
  decodeTokensPerSecond: 100,
  prefillTokensPerSecond: 300,
};

async function* generate(request: { readonly maxTokens: number }): AsyncGenerator<GenerateEvent> {
  for (let index = 0; index < request.maxTokens; index++) yield { type: 'token', token: 1_000 + index };
  yield { type: 'end', reason: 'length', timing: { queuedMs: 0, prefillMs: 1, decodeMs: 1 } };
}

async function startPeer(tiers: readonly Tier[]): Promise<() => RegionPeerReport> {
  const network = await createNetwork(
    {},
    {
      role: 'peer',
      region,
      tiers,
      // A bootstrap that is gone fails, and the relays known from before are tried.
      relays: async () => chooseRegion(await readBootstrap(options.bootstrap, region), region).relays,
    },
  );
  const gossip = watchGossip(network);
  const met = watchStreams(network);
  await network.start();
  network.serve({ generator: { generate }, served: () => [served], kind: 'node', tiers: () => tiers });
  return () => ({
    peer: network.peer,
    author: authorName(network),
    tiers,
    known: network.registry.peers().map(({ peer, tiers: theirs }) => ({ peer, tiers: theirs })),
    linked: network.linkedRelays(),
    ...gossip(),
    met: met(),
  });
}

const reports: (() => RegionPeerReport)[] = [];
for (const tiers of options.peers) reports.push(await startPeer(tiers));
process.on('message', () => process.send?.(reports.map((report) => report())));
process.send?.('started');
