import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerName } from '../ids.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { PeerView } from '../membership/peer-view.ts';
import { expectedFinishMs } from './expected-finish.ts';
import { planRoute } from './plan-route.ts';
import { knowing, request, served, view } from './route.fixture.ts';
import type { RouteKnowledge } from './types.ts';

const penalisingA = { penalised: (peer: PeerName) => peer === 'a' };

const chosen = (knowledge: RouteKnowledge) => planRoute(request, knowledge).route?.stages[0]?.peer;

describe('planRoute', () => {
  it('chooses the faster, the freer, the nearer peer', () => {
    expect(chosen(knowing([view('a'), view('b', { decodeTokensPerSecond: 60 })]))).toBe('b');
    expect(chosen(knowing([view('a', { freeSlots: 1 }), view('b', { freeSlots: 3 })]))).toBe('b');
    expect(chosen(knowing([view('a', { queued: 3, freeSlots: 0 }), view('b', { freeSlots: 0 })]))).toBe('b');
    expect(chosen(knowing([view('a'), view('b')], { rttMs: (peer) => (peer === 'b' ? 1 : 90) }))).toBe('b');
  });

  it('chooses by name between equals, in whatever order they come', () => {
    expect(chosen(knowing([view('b'), view('a'), view('c')]))).toBe('a');
  });

  it('counts its own sessions that adverts do not show yet', () => {
    const knowledge = knowing([view('a'), view('b')], { unseenSessions: (peer) => (peer === 'a' ? 2 : 0) });
    expect(chosen(knowledge)).toBe('b');
  });

  it('prefers this device where it is as fast: there is no way to go', () => {
    const knowledge = knowing([view('a')], { local: { peer: 'self' as PeerName, served } });
    expect(planRoute(request, knowledge).route?.stages).toMatchObject([{ local: true, rttMs: 0, hopRttMs: 0 }]);
  });

  it('uses a penalised peer only where there is no other', () => {
    expect(chosen(knowing([view('a', { decodeTokensPerSecond: 900 }), view('b')], penalisingA))).toBe('b');
    expect(chosen(knowing([view('a')], penalisingA))).toBe('a');
  });

  it('explains whom it cannot use', () => {
    const peers = [
      view('other', { manifest: 'd'.repeat(64) }),
      view('part', { layers: [0, 2] }),
      view('paused', {}, 'paused'),
      view('short', { contextLength: 100 }),
      view('out'),
      view('far'),
    ];
    const plan = planRoute(
      request,
      knowing(peers, {
        excluded: new Set(['out' as PeerName]),
        rttMs: (peer) => (peer === 'far' ? undefined : 1),
      }),
    );
    expect(plan).toEqual({
      route: undefined,
      full: false,
      reason: 'layers-missing',
      missing: [{ start: 2, end: 4 }],
      rejections: [
        { peer: 'other', reason: 'model-not-served' },
        { peer: 'paused', reason: 'not-serving' },
        { peer: 'short', reason: 'context-too-short' },
        { peer: 'out', reason: 'excluded' },
        { peer: 'far', reason: 'unreachable' },
        { peer: 'part', reason: 'no-neighbour' },
      ],
    });
  });

  const anyView = fc
    .record({
      peer: fc.string({ minLength: 1, maxLength: 4 }),
      slots: fc.integer({ min: 0, max: 8 }),
      freeSlots: fc.integer({ min: 0, max: 8 }),
      queued: fc.nat(10),
      decodeTokensPerSecond: fc.integer({ min: 0, max: 200 }),
      prefillTokensPerSecond: fc.integer({ min: 0, max: 2_000 }),
    })
    .map(({ peer, ...change }) => view(peer, change));

  it('never chooses an excluded peer, and always the lowest expected finish of the others', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyView, { selector: ({ peer }) => peer, maxLength: 8 }),
        fc.nat(7),
        fc.nat(),
        (peers, cut, shuffle) => {
          const excluded = new Set(peers.slice(0, cut).map(({ peer }) => peer));
          const left = peers.slice(cut);
          const { route, rejections } = planRoute(request, knowing(peers, { excluded }));
          expect(rejections).toHaveLength(Math.min(cut, peers.length));
          if (left.length === 0) return void expect(route).toBeUndefined();
          const finishes = left.map(({ advert }) =>
            expectedFinishMs({
              served: advert.models[0] as ServedModel,
              unseenSessions: 0,
              promptTokens: 100,
              maxTokens: 50,
              rttMs: 10,
            }),
          );
          expect(route?.expectedFinishMs).toBe(Math.min(...finishes));
          const turned = peers.map((_, index) => peers[(index + shuffle) % peers.length] as PeerView);
          expect(planRoute(request, knowing(turned, { excluded })).route).toEqual(route);
        },
      ),
    );
  });
});

describe('expectedFinishMs', () => {
  it('is finite, positive, and never better with more work or more sequences ahead', () => {
    fc.assert(
      fc.property(anyFinish(), ({ unseenSessions, promptTokens, maxTokens, ...change }) => {
        const input = { served: { ...served, ...change }, unseenSessions, promptTokens, maxTokens, rttMs: 5 };
        const finish = expectedFinishMs(input);
        expect(Number.isFinite(finish) && finish > 0).toBe(true);
        expect(expectedFinishMs({ ...input, unseenSessions: unseenSessions + 1 })).toBeGreaterThanOrEqual(finish);
        expect(expectedFinishMs({ ...input, promptTokens: promptTokens + 9 })).toBeGreaterThanOrEqual(finish);
        expect(expectedFinishMs({ ...input, maxTokens: maxTokens + 9 })).toBeGreaterThanOrEqual(finish);
      }),
    );
  });
});

const anyFinish = () =>
  fc.record({
    slots: fc.nat(16),
    freeSlots: fc.nat(16),
    queued: fc.nat(40),
    decodeTokensPerSecond: fc.nat(300),
    prefillTokensPerSecond: fc.nat(3_000),
    unseenSessions: fc.integer({ min: -5, max: 20 }),
    promptTokens: fc.integer({ min: 1, max: 131_072 }),
    maxTokens: fc.integer({ min: 1, max: 8_192 }),
  });
