import { describe, expect, it } from 'vitest';
import type { PeerName } from '../ids.ts';
import { explainPlan } from './explain-plan.ts';
import { planRoute } from './plan-route.ts';
import { knowing, part, request, view } from './route.fixture.ts';

const explained = (...[peers, change]: Parameters<typeof knowing>) =>
  explainPlan(planRoute(request, knowing(peers, change)));

describe('explainPlan', () => {
  it('says who holds the whole model', () => {
    expect(explained([view('a'), part('b', 0, 2)])).toEqual([
      'Peer a holds the whole model and is expected to finish first.',
      '20 ms per token expected.',
      '1 peer holds only a part of the model.',
    ]);
    const local = { peer: 'self' as PeerName, served: view('self').advert.models[0]! };
    expect(explained([], { local })[0]).toBe('This device holds the whole model and is expected to finish first.');
  });

  it('says how a chain is made, what it costs, what it is good for, and who is not in it', () => {
    const others = [part('d', 0, 2, { freeSlots: 0 }), part('e', 2, 4, { freeSlots: 0 }), part('f', 1, 2)];
    expect(explained([part('a', 0, 2), part('b', 2, 4), ...others])).toEqual([
      'No peer able to take this request now holds the whole model: 2 peers compute a part each.',
      'The fastest chain: layers 0 to 1 on a, layers 2 to 3 on b.',
      '50 ms per token expected: 40 ms of computing and 10 ms between peers.',
      'Splitting a model makes room for it in memory; it does not make an answer faster.',
      '2 peers are full.',
      '1 peer holds layers that meet no other peer’s at one end.',
    ]);
  });

  it('says why there is no route', () => {
    expect(explained([part('a', 0, 1)])[0]).toBe('No peer able to take this request holds layers 1 to 3.');
    expect(explained([part('a', 0, 3), part('b', 2, 4)])[0]).toBe(
      'Peers hold all layers of this model, but no chain of them can be made.',
    );
    expect(explained([part('a', 0, 2, { freeSlots: 0 }), part('b', 2, 4)])).toEqual([
      'Every chain of peers that holds this model has a full peer in it: the request waits.',
      '1 peer is full.',
    ]);
  });
});
