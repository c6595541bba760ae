/**
 * Five relays of three regions and their peers on one machine: `REGION_PEERS=60` for the whole run, 18 by default.
 * The relays and the network are real, the peers' engines are stand-ins.
 */
import { clusterTopic, INFERENCE_PROTOCOL } from '@opengateway/core';
import { createNetwork } from '@opengateway/core/p2p';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { PeerName, Region, Tier } from '@opengateway/core';
import type { Network } from '@opengateway/core/p2p';
import { devices, readBootstrap, RegionPeers, startRegionRelay } from './region-lab.ts';
import type { RegionPeerReport } from './region-peers-process.ts';
import type { Relay } from './relay-process.ts';
import { watchGossip } from './watch-gossip.ts';

const PEERS = Number(process.env['REGION_PEERS'] ?? 18);
const PLACES = ['asia', 'europe', 'africa'] as const satisfies readonly Region[];
const TOGETHER_WITHIN_MS = 15_000;
const GONE_WITHIN_MS = 35_000;
const BACK_WITHIN_MS = 60_000;

/** What runs between nodes of different regions, see docs/PROTOCOL.md; on gossip no message does. */
const ABROAD = /^\/(ipfs\/(id|id\/push|ping)|opengateway\/(kad|relay)|meshsub)\/\d+\.\d+\.\d+$/;

const relays = new Map<Region, Relay[]>();
/** The names of all relays there ever were. */
const relayNames = new Map<Region, Set<string>>(PLACES.map((region) => [region, new Set()]));
const peers = new Map<Region, RegionPeers[]>(PLACES.map((region) => [region, []]));
let spy: Network;
let overheard: ReturnType<typeof watchGossip>;

const all = () => [...peers.values()].flat();
const reportsOf = async (region: Region) =>
  (await Promise.all((peers.get(region) ?? []).map((each) => each.reports()))).flat();

/** Whom a peer ought to know: all that share a cluster with it, each with the clusters they share. */
function expected(self: RegionPeerReport, region: readonly RegionPeerReport[]): Map<PeerName, readonly Tier[]> {
  const shared = region
    .filter(({ peer }) => peer !== self.peer)
    .map(({ peer, tiers }) => [peer, tiers.filter((tier) => self.tiers.includes(tier))] as const);
  return new Map(shared.filter(([, tiers]) => tiers.length > 0));
}

/** Peers that know somebody they ought not to, or not somebody they ought to. */
async function astray(): Promise<string[]> {
  const found: string[] = [];
  for (const region of PLACES) {
    const reports = await reportsOf(region);
    for (const report of reports) {
      const wanted = expected(report, reports);
      const isRight =
        report.known.length === wanted.size &&
        report.known.every(({ peer, tiers }) => tiers.toSorted().join() === wanted.get(peer)?.toSorted().join());
      if (!isRight) found.push(`${region}: ${report.known.length} of ${wanted.size}`);
    }
  }
  return found;
}

/** Milliseconds until nobody is astray. */
async function settledWithin(ms: number): Promise<number> {
  const start = Date.now();
  await expect.poll(astray, { timeout: ms, interval: 250 }).toEqual([]);
  return Date.now() - start;
}

const ask = async (relay: Relay): Promise<number> => {
  const response = await fetch(`${relay.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'auto', max_tokens: 4, messages: [{ role: 'user', content: 'Hi' }] }),
  }).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.status ?? 0;
};

const at = (region: Region): Relay => {
  const [relay] = relays.get(region) ?? [];
  if (relay === undefined) throw new Error(`No relay of ${region}.`);
  return relay;
};

beforeAll(async () => {
  const asia = await startRegionRelay('asia');
  const known = { region: 'asia', url: asia.url } as const;
  relays.set('asia', [asia, await startRegionRelay('asia', known)]);
  relays.set('europe', [await startRegionRelay('europe', known), await startRegionRelay('europe', known)]);
  relays.set('africa', [await startRegionRelay('africa', known)]);
  // A relay of a fourth region, which the others get to know, and which listens to what they send it.
  const { relay } = await readBootstrap(asia.url, 'asia');
  spy = await createNetwork(
    {},
    { role: 'relay', region: 'oceania', relays: [{ region: 'asia', multiaddrs: relay.multiaddrs }] },
  );
  overheard = watchGossip(spy);
  await spy.start();
  for (const [region, here] of relays) {
    for (const { url } of here) {
      const document = () => readBootstrap(url, region);
      relayNames.get(region)?.add((await document()).relay.peer);
      await vi.waitFor(async () => expect((await document()).relays).toHaveLength(6), {
        timeout: 60_000,
        interval: 250,
      });
    }
  }
});

afterAll(async () => {
  await Promise.all(all().map((each) => each.kill()));
  await spy.stop();
  await Promise.all([...relays.values()].flat().map((relay) => relay[Symbol.asyncDispose]()));
});

it('keeps clusters together and regions apart, through the loss of half the peers and of a relay', async () => {
  const half = Math.round(PEERS / PLACES.length / 2);
  // Any relay will do to begin with: Asia's tells Africa's peers where Africa is.
  await Promise.all(
    PLACES.flatMap((region) =>
      [0, 1].map(async () => {
        const started = await RegionPeers.start({ bootstrap: at('asia').url, region, peers: devices(half) });
        peers.get(region)?.push(started);
      }),
    ),
  );
  const togetherMs = await settledWithin(TOGETHER_WITHIN_MS);
  for (const region of PLACES) {
    for (const { linked } of await reportsOf(region)) expect(linked).toHaveLength(relays.get(region)?.length ?? 0);
    for (const relay of relays.get(region) ?? []) expect(await ask(relay)).toBe(200);
  }

  await Promise.all(PLACES.map((region) => peers.get(region)?.pop()?.kill()));
  const goneMs = await settledWithin(GONE_WITHIN_MS);

  const lost = at('africa');
  await lost.process.kill('SIGKILL');
  const lostAtMs = Date.now();
  const successor = await startRegionRelay('africa', { region: 'europe', url: at('europe').url });
  relays.set('africa', [successor]);
  relayNames.get('africa')?.add((await readBootstrap(successor.url, 'africa')).relay.peer);
  await expect.poll(() => ask(successor), { timeout: BACK_WITHIN_MS, interval: 500 }).toBe(200);
  const backMs = Date.now() - lostAtMs;
  await settledWithin(BACK_WITHIN_MS);
  await vi.waitFor(
    async () => {
      for (const { linked } of await reportsOf('africa')) expect(linked).toHaveLength(1);
    },
    { timeout: BACK_WITHIN_MS, interval: 250 },
  );
  const allBackMs = Date.now() - lostAtMs;
  expect(allBackMs).toBeLessThanOrEqual(BACK_WITHIN_MS);

  // Of those that answered before, some are gone.
  for (const region of PLACES) expect(await ask(at(region))).toBe(200);
  const reports = new Map<Region, RegionPeerReport[]>();
  for (const region of PLACES) reports.set(region, await reportsOf(region));
  for (const region of PLACES) {
    const abroad = PLACES.filter((other) => other !== region);
    const strangers = abroad.flatMap((other) => reports.get(other) ?? []);
    const foreignRelays = new Set(abroad.flatMap((other) => Array.from(relayNames.get(other) ?? [])));
    const neighbours = reports.get(region) ?? [];
    const ownRelays = relayNames.get(region) ?? new Set();
    const asked = neighbours.flatMap(({ met }) => met).filter(({ peer }) => ownRelays.has(peer));
    expect(asked.flatMap(({ protocols }) => protocols)).toContain(INFERENCE_PROTOCOL);
    for (const { peer: self, tiers, topics, authors, met } of neighbours) {
      const own = new Set(tiers.map((tier) => clusterTopic(region, tier)));
      // What is looked for abroad is seen at home.
      expect(new Set(topics)).toEqual(own);
      const heard = neighbours.filter((each) => each.peer !== self && each.tiers.some((tier) => tiers.includes(tier)));
      expect(heard.filter(({ author }) => !authors.includes(author))).toEqual([]);
      const atHome = met.filter(({ peer }) => ownRelays.has(peer)).flatMap(({ protocols }) => protocols);
      expect(atHome).toContainEqual(expect.stringMatching(/^\/libp2p\/circuit\/relay\/.*\/hop$/));
      expect(atHome).toContainEqual(expect.stringMatching(/^\/opengateway\/relay\//));
      expect(strangers.filter(({ author }) => authors.includes(author))).toEqual([]);
      expect(strangers.filter(({ peer }) => met.some((each) => each.peer === peer))).toEqual([]);
      const said = met.filter(({ peer }) => foreignRelays.has(peer)).flatMap(({ protocols }) => protocols);
      expect(said.filter((protocol) => !ABROAD.test(protocol))).toEqual([]);
    }
  }
  expect(overheard()).toEqual({ topics: [], authors: [] });
  console.log(
    `${PEERS} peers: together in ${togetherMs} ms, gone in ${goneMs} ms, served again in ${backMs} ms, all linked in ${allBackMs} ms`,
  );
}, 240_000);
