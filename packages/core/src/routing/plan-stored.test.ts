import { describe, expect, it } from 'vitest';
import { DISK_BYTES_PER_SECOND } from './constants.ts';
import { explainPlan } from './explain-plan.ts';
import { expectedLoadMs } from './expected-finish.ts';
import { planRoute } from './plan-route.ts';
import { knowing, part, request, served, view } from './route.fixture.ts';
import type { ServedModel } from '../membership/advert.ts';
import type { PeerView } from '../membership/peer-view.ts';

/** A peer that has the whole model on disk, loaded in `seconds`. */
const stored = (peer: string, seconds: number, change: Partial<ServedModel> = {}): PeerView =>
  view(peer, { stored: true, bytes: seconds * DISK_BYTES_PER_SECOND, ...change });

const routeOf = (peers: readonly PeerView[], change: Parameters<typeof knowing>[1] = {}) =>
  planRoute(request, knowing(peers, change)).route?.stages.map(({ peer }) => peer);

const isA = (peer: string) => peer === 'a';

describe('a route to models on disk', () => {
  it('goes to who has the model in memory', () => {
    expect(routeOf([stored('a', 1), view('b')])).toEqual(['b']);
  });

  it('goes to who has it on disk where nobody has it in memory', () => {
    expect(routeOf([stored('a', 100), view('b', { manifest: 'd'.repeat(64) })])).toEqual(['a']);
    expect(routeOf([stored('a', 3), stored('b', 2)])).toEqual(['b']);
  });

  it('goes to who has it on disk where that one finishes earlier in expectation', () => {
    // The answer takes 1.5 s on an idle peer: in line behind four others, and as slow, it takes 13 s.
    const full = view('b', { freeSlots: 0, queued: 4 });
    expect(routeOf([stored('a', 2), full])).toEqual(['a']);
    expect(routeOf([stored('a', 60), full])).toEqual(['b']);
  });

  it('goes over a chain in memory unless loading the whole model is faster', () => {
    const chain = [part('b', 0, 2), part('c', 2, 4)];
    expect(routeOf([stored('a', 60), ...chain])).toEqual(['b', 'c']);
    expect(routeOf([stored('a', 0.1), ...chain])).toEqual(['a']);
    expect(routeOf([stored('a', 60), chain[0]!])).toEqual(['a']);
  });

  it('makes no chain of what is on disk', () => {
    const plan = planRoute(request, knowing([part('a', 0, 2, { stored: true, bytes: 1 }), part('b', 2, 4)]));
    expect(plan.route).toBeUndefined();
    expect(plan.rejections).toContainEqual({ peer: 'a', reason: 'part-on-disk' });
    expect(explainPlan(plan)).toContain('1 peer has its part of the model on disk only.');
  });

  it('puts off peers that failed before as with models in memory', () => {
    expect(routeOf([stored('a', 1), stored('b', 9)], { penalised: isA })).toEqual(['b']);
    expect(routeOf([stored('a', 1)], { penalised: isA })).toEqual(['a']);
  });

  it('says that the model is loaded first', () => {
    expect(explainPlan(planRoute(request, knowing([stored('a', 5)])))).toEqual([
      'Peer a has the whole model on disk and is expected to finish first, though it loads it before it answers.',
      '5.0 s of loading expected.',
      '20 ms per token expected.',
    ]);
  });

  it('takes a model whose size is not said for a large one', () => {
    expect(expectedLoadMs(served)).toBe(0);
    expect(expectedLoadMs({ ...served, stored: true, bytes: DISK_BYTES_PER_SECOND })).toBe(1_000);
    expect(expectedLoadMs({ ...served, stored: true })).toBeGreaterThan(60_000);
  });
});
