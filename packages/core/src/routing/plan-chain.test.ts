import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerName } from '../ids.ts';
import type { PeerView } from '../membership/peer-view.ts';
import { MAX_CHAIN_CANDIDATES, MAX_CHAIN_STAGES, MAX_HOP_RTT_MS, NEAR_EQUAL_SHARE } from './constants.ts';
import { hopKey } from './hop-key.ts';
import { planRoute } from './plan-route.ts';
import { knowing, part, request, view } from './route.fixture.ts';
import type { RouteKnowledge, RoutePlan } from './types.ts';

const LAYERS = request.layerCount;

const namesOf = ({ route }: RoutePlan) => route?.stages.map(({ peer }) => peer);
const planned = (peers: readonly PeerView[], change: Partial<RouteKnowledge> = {}) =>
  planRoute(request, knowing(peers, change));
const peerSet = (...peers: string[]) => new Set(peers as PeerName[]);
const hops = (...pairs: [string, string][]) =>
  new Set(pairs.map(([from, to]) => hopKey(from as PeerName, to as PeerName)));

const name = (at: number) => `p${at}` as PeerName;
const unseen = (count: number) => ({ unseenSessions: (peer: PeerName) => (peer === 'a' ? count : 0) });
const farFromBToA = (from: PeerName, to: PeerName) => (hopKey(from, to) === 'b a' ? MAX_HOP_RTT_MS + 1 : undefined);
const taking = (peer: string, start: number, end: number, ms: number) =>
  part(peer, start, end, { decodeTokensPerSecond: 1_000 / ms });

describe('planRoute over several peers', () => {
  it('joins parts that meet, in the order of their layers, with every hop of the ring', () => {
    const plan = planned([part('c', 3, 4), part('a', 0, 2), part('b', 2, 3)], {
      rttMs: (peer) => ({ a: 10, b: 20, c: 40 })[peer as string],
      hopRttMs: (from, to) => (from === 'b' && to === 'c' ? 7 : undefined),
    });
    expect(plan).toMatchObject({ full: false, reason: 'chain', missing: [], rejections: [] });
    expect(plan.route?.stages).toMatchObject([
      { peer: 'a', layers: { start: 0, end: 2 }, rttMs: 10, hopRttMs: 15, local: false, expectedTokenMs: 20 },
      { peer: 'b', layers: { start: 2, end: 3 }, rttMs: 20, hopRttMs: 7 },
      { peer: 'c', layers: { start: 3, end: 4 }, rttMs: 40, hopRttMs: 25 },
    ]);
    expect(plan.route?.expectedTokenMs).toBeCloseTo(3 * 20 + (15 + 7 + 25) / 2);
  });

  it('prefers a whole-model peer however slow, even one with a queue, and rejects the parts', () => {
    const slow = view('whole', { decodeTokensPerSecond: 1, freeSlots: 0, queued: 4 });
    const plan = planned([part('a', 0, 2), part('b', 2, 4), slow]);
    expect(namesOf(plan)).toEqual(['whole']);
    expect(plan.rejections).toEqual([
      { peer: 'a', reason: 'part-of-model' },
      { peer: 'b', reason: 'part-of-model' },
    ]);
  });

  it.each([
    ['excluded', { excluded: peerSet('whole') }],
    ['unreachable', { rttMs: (peer: PeerName) => (peer === 'whole' ? undefined : 5) }],
    ['penalised', { penalised: (peer: PeerName) => peer === 'whole' }],
  ])('takes the chain where the whole-model peer is %s', (_, change) => {
    expect(namesOf(planned([view('whole'), part('a', 0, 2), part('b', 2, 4)], change))).toEqual(['a', 'b']);
  });

  it('takes a penalised whole-model peer where no clean chain is left, and a penalised chain at last', () => {
    const parts = [part('a', 0, 2), part('b', 2, 4)];
    expect(namesOf(planned([view('whole'), ...parts], { penalised: () => true }))).toEqual(['whole']);
    expect(namesOf(planned(parts, { penalised: () => true }))).toEqual(['a', 'b']);
    const other = part('b2', 2, 4, { decodeTokensPerSecond: 1 });
    expect(namesOf(planned([...parts, other], { penalised: (peer) => peer === 'b' }))).toEqual(['a', 'b2']);
  });

  it('gives a part only what it has a place for, its own unseen sessions counted', () => {
    const parts = [part('a', 0, 2, { freeSlots: 2 }), part('b', 2, 4)];
    expect(namesOf(planned(parts, unseen(1)))).toEqual(['a', 'b']);
    expect(planned(parts, unseen(2))).toMatchObject({
      route: undefined,
      full: true,
      reason: 'full',
      rejections: [{ peer: 'a', reason: 'full' }],
    });
    expect(namesOf(planned([part('a', 0, 2, { freeSlots: 0 }), part('b', 2, 4)], unseen(-1)))).toEqual(['a', 'b']);
  });

  it('is not full where free places would not help', () => {
    const full = part('a', 0, 2, { freeSlots: 0 });
    expect(planned([full])).toMatchObject({ full: false, reason: 'layers-missing' });
    expect(planned([full, part('b', 2, 4)], { excludedHops: hops(['a', 'b']) })).toMatchObject({
      full: false,
      reason: 'no-chain',
    });
  });

  it('says which layers nobody holds, and which parts meet no other', () => {
    const plan = planned([part('a', 0, 1), part('b', 2, 3), part('wrong', 2, 9)]);
    expect(plan.missing).toEqual([
      { start: 1, end: 2 },
      { start: 3, end: 4 },
    ]);
    expect(plan.rejections).toEqual([
      { peer: 'wrong', reason: 'model-not-served' },
      { peer: 'a', reason: 'no-neighbour' },
      { peer: 'b', reason: 'no-neighbour' },
    ]);
    expect(planned([part('a', 0, 3), part('b', 2, 4)])).toMatchObject({ reason: 'no-chain', missing: [] });
  });

  it('uses no hop that is excluded or too slow, the one back to the first stage included', () => {
    const parts = [part('a', 0, 2), part('b', 2, 4), part('slow', 2, 4, { decodeTokensPerSecond: 1 })];
    expect(namesOf(planned(parts))).toEqual(['a', 'b']);
    expect(namesOf(planned(parts, { excludedHops: hops(['a', 'b']) }))).toEqual(['a', 'slow']);
    expect(namesOf(planned(parts, { excludedHops: hops(['b', 'a']) }))).toEqual(['a', 'slow']);
    expect(namesOf(planned(parts, { hopRttMs: farFromBToA }))).toEqual(['a', 'slow']);
    expect(planned(parts, { hopRttMs: () => MAX_HOP_RTT_MS + 1 })).toMatchObject({
      route: undefined,
      reason: 'no-chain',
      rejections: ['a', 'b', 'slow'].map((peer) => ({ peer, reason: 'hop-too-slow' })),
    });
  });

  it('uses neighbours that are far from the coordinator: what is only estimated bans no hop', () => {
    const parts = [part('a', 0, 2), part('b', 2, 4)];
    const far = { rttMs: () => MAX_HOP_RTT_MS + 50 };
    expect(planned(parts, far).route?.stages).toMatchObject([
      { peer: 'a', hopRttMs: MAX_HOP_RTT_MS },
      { peer: 'b', hopRttMs: MAX_HOP_RTT_MS },
    ]);
    expect(planned(parts, { ...far, hopRttMs: () => 5 }).route?.expectedTokenMs).toBe(2 * (20 + 2.5));
    expect(planned(parts, { ...far, hopRttMs: farFromBToA }).route).toBeUndefined();
  });

  it('takes fewer stages where more would be little faster', () => {
    const parts = [taking('a', 0, 2, 50), taking('b', 2, 4, 50), taking('b1', 2, 3, 20), taking('b2', 3, 4, 22)];
    expect(namesOf(planned(parts, { rttMs: () => 0 }))).toEqual(['a', 'b']);
    const faster = [...parts.slice(0, 3), taking('b2', 3, 4, 10)];
    expect(namesOf(planned(faster, { rttMs: () => 0 }))).toEqual(['a', 'b1', 'b2']);
  });

  it('makes chains of a named number of stages at most', () => {
    const layerCount = MAX_CHAIN_STAGES + 1;
    const parts = Array.from({ length: layerCount }, (_, at) => part(`p${at}`, at, at + 1));
    const plan = (peers: PeerView[]) => planRoute({ ...request, layerCount }, knowing(peers));
    expect(plan(parts)).toMatchObject({ route: undefined, reason: 'no-chain' });
    expect(plan(parts).rejections[0]?.reason).toBe('too-many-stages');
    expect(plan([...parts, part('two', 0, 2)]).route?.stages).toHaveLength(MAX_CHAIN_STAGES);
  });

  it('counts this device as a stage with no way to go', () => {
    const local = { peer: 'self' as PeerName, served: view('self', { layers: [0, 2] }).advert.models[0]! };
    const { route } = planned([part('a', 0, 2), part('b', 2, 4)], { local });
    expect(route?.stages).toMatchObject([
      { peer: 'self', local: true, rttMs: 0, hopRttMs: 5 },
      { peer: 'b', local: false },
    ]);
  });

  it('takes of several ranges of one peer the longest: nobody is in a chain twice', () => {
    const both = part('a', 0, 1);
    const models = [...both.advert.models, { ...both.advert.models[0]!, layers: [1, 4] as [number, number] }];
    const twice = { ...both, advert: { ...both.advert, models } };
    expect(planned([twice]).route).toBeUndefined();
    expect(namesOf(planned([twice, part('b', 0, 1)]))).toEqual(['b', 'a']);
  });

  it('finds the only chain among more peers than are looked at first', () => {
    const many = Array.from({ length: 3 * MAX_CHAIN_CANDIDATES }, (_, at) => part(`many${at}`, 2, 4));
    expect(namesOf(planned([part('z-first', 0, 2), ...many]))?.[0]).toBe('z-first');
    const last = part('slowest', 2, 4, { decodeTokensPerSecond: 1 });
    const excludedHops = hops(...many.map(({ peer }): [string, string] => ['z-first', peer]));
    expect(namesOf(planned([part('z-first', 0, 2), ...many, last], { excludedHops }))).toEqual(['z-first', 'slowest']);
  });
});

interface Swarm {
  readonly peers: readonly PeerView[];
  readonly knowledge: RouteKnowledge;
}

/** Up to ten peers with parts of four layers, some hops measured, slow or excluded. */
const anySwarm: fc.Arbitrary<Swarm> = fc
  .record({
    offers: fc.array(
      fc.record({
        cut: fc.constantFrom([0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [1, 4], [2, 3], [2, 4], [3, 4]),
        freeSlots: fc.oneof(fc.nat(4), fc.constant(4)),
        queued: fc.nat(1),
        decodeTokensPerSecond: fc.integer({ min: 1, max: 200 }),
        rttMs: fc.integer({ min: 0, max: 450 }),
        unseen: fc.integer({ min: -1, max: 1 }),
      }),
      { minLength: 4, maxLength: 10, size: 'max' },
    ),
    excluded: fc.uniqueArray(fc.nat(9), { maxLength: 1 }),
    measured: fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.integer({ min: 0, max: 2 * MAX_HOP_RTT_MS })), {
      maxLength: 12,
    }),
    cutOff: fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 4 }),
  })
  .map(({ offers, excluded, measured, cutOff }) => {
    const peers = offers.map(({ cut, freeSlots, queued, decodeTokensPerSecond }, at) =>
      part(name(at), cut[0]!, cut[1]!, { freeSlots, queued, decodeTokensPerSecond }),
    );
    const of = (peer: PeerName) => offers[peers.findIndex((other) => other.peer === peer)];
    const hopMs = new Map(measured.map(([from, to, ms]) => [hopKey(name(from), name(to)), ms]));
    const knowledge = knowing(peers, {
      rttMs: (peer) => of(peer)?.rttMs,
      unseenSessions: (peer) => of(peer)?.unseen ?? 0,
      excluded: new Set(excluded.map(name)),
      hopRttMs: (from, to) => hopMs.get(hopKey(from, to)),
      excludedHops: new Set(cutOff.map(([from, to]) => hopKey(name(from), name(to)))),
    });
    return { peers, knowledge };
  });

/** Every chain there is, with its time per token, worked out the long way. */
function* allChains({ peers, knowledge }: Swarm, chosen: readonly PeerView[] = []): Generator<[PeerName[], number]> {
  const at = chosen.at(-1)?.advert.models[0]?.layers[1] ?? 0;
  if (at === LAYERS) {
    const ms = ringMs(chosen, knowledge);
    if (ms < Infinity) yield [chosen.map(({ peer }) => peer), ms];
    return;
  }
  for (const next of peers) {
    const model = next.advert.models[0]!;
    const free = Math.min(model.slots, model.freeSlots - knowledge.unseenSessions(next.peer, 0));
    if (model.layers[0] !== at || free < 1 || knowledge.excluded.has(next.peer)) continue;
    yield* allChains({ peers, knowledge }, [...chosen, next]);
  }
}

function ringMs(chosen: readonly PeerView[], knowledge: RouteKnowledge): number {
  let sum = 0;
  for (const [index, { peer, advert }] of chosen.entries()) {
    const next = chosen[(index + 1) % chosen.length]!.peer;
    const estimate = Math.min(((knowledge.rttMs(peer) ?? 0) + (knowledge.rttMs(next) ?? 0)) / 2, MAX_HOP_RTT_MS);
    const rttMs = knowledge.hopRttMs(peer, next) ?? estimate;
    if (rttMs > MAX_HOP_RTT_MS || knowledge.excludedHops.has(hopKey(peer, next))) return Infinity;
    const { slots, freeSlots, queued, decodeTokensPerSecond } = advert.models[0]!;
    const ahead = Math.max(0, slots - freeSlots + queued + knowledge.unseenSessions(peer, 0));
    const rounds = 1 + Math.max(0, ahead + 1 - slots) / slots;
    sum += (1_000 * Math.min(slots, ahead + 1) * rounds) / decodeTokensPerSecond + rttMs / 2;
  }
  return sum;
}

describe('planRoute over any swarm of parts', () => {
  it('finds what trying every chain finds: lowest time per token, fewest stages of near-equals', () => {
    fc.assert(
      fc.property(anySwarm, (swarm) => {
        const { route } = planRoute(request, swarm.knowledge);
        const chains = [...allChains(swarm)];
        if (chains.length === 0) return void expect(route).toBeUndefined();
        const bestMs = Math.min(...chains.map(([, ms]) => ms));
        const near = chains.filter(([, ms]) => ms <= bestMs * (1 + NEAR_EQUAL_SHARE) + 1e-9);
        const fewest = Math.min(...near.map(([stages]) => stages.length));
        expect(route?.stages).toHaveLength(fewest);
        const least = Math.min(...near.filter(([stages]) => stages.length === fewest).map(([, ms]) => ms));
        expect(route?.expectedTokenMs).toBeCloseTo(least, 6);
        expect(chains.map(([stages]) => stages)).toContainEqual(route?.stages.map(({ peer }) => peer));
      }),
      { numRuns: 500 },
    );
  });

  it('covers every layer exactly once and in order, on peers that are free, with hops that are allowed', () => {
    fc.assert(
      fc.property(anySwarm, ({ knowledge }) => {
        const stages = planRoute(request, knowledge).route?.stages ?? [];
        if (stages.length === 0) return;
        const covered = stages.flatMap(({ layers: { start, end } }) =>
          Array.from({ length: end - start }, (_, at) => start + at),
        );
        expect(covered).toEqual(Array.from({ length: LAYERS }, (_, layer) => layer));
        expect(new Set(stages.map(({ peer }) => peer)).size).toBe(stages.length);
        for (const [index, { peer, served, hopRttMs }] of stages.entries()) {
          const next = stages[(index + 1) % stages.length]!.peer;
          expect(served.freeSlots - knowledge.unseenSessions(peer, 0)).toBeGreaterThan(0);
          expect(knowledge.excluded.has(peer)).toBe(false);
          expect(knowledge.excludedHops.has(hopKey(peer, next))).toBe(false);
          expect(hopRttMs).toBeLessThanOrEqual(MAX_HOP_RTT_MS);
        }
      }),
    );
  });

  it('gives the same plan in whatever order peers come', () => {
    const shuffled = anySwarm.chain(({ peers, knowledge }) =>
      fc.record({
        knowledge: fc.constant(knowledge),
        peers: fc.shuffledSubarray([...peers], { minLength: peers.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ knowledge, peers }) => {
        const { rejections, ...plan } = planRoute(request, knowledge);
        const { rejections: others, ...other } = planRoute(request, { ...knowledge, peers });
        expect(other).toEqual(plan);
        expect(new Set(others)).toEqual(new Set(rejections));
      }),
    );
  });

  it('is full exactly where free places would make a route', () => {
    fc.assert(
      fc.property(anySwarm, ({ peers, knowledge }) => {
        const emptied = peers.map((peer) => ({
          ...peer,
          advert: { ...peer.advert, models: peer.advert.models.map((model) => ({ ...model, freeSlots: model.slots })) },
        }));
        const { route, full } = planRoute(request, knowledge);
        const free = planRoute(request, { ...knowledge, peers: emptied, unseenSessions: () => 0 });
        expect(full).toBe(route === undefined && free.route !== undefined);
      }),
    );
  });
});
