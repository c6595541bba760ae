import { describe, expect, it } from 'vitest';
import { peerView, servedModel } from '../state/peers.fixture.ts';
import { catalogEntry } from '../state/site-node.fixture.ts';
import { planAhead } from './plan-ahead.ts';
import type { PeerName, PeerView, ServedModel } from '@opengateway/core';

const part = (peer: string, layers: [number, number]) => peerView(peer, {}, { layers });
const plan = (peers: readonly PeerView[], models: readonly ServedModel[] = []) =>
  planAhead(catalogEntry, { peers, own: { peer: 'SELF' as PeerName, models }, rttMs: 4 });

describe('who would answer', () => {
  it('is a chain that this tab is part of, with the ways between counted', () => {
    const { route } = plan([part('A', [0, 10]), part('B', [20, 30])], [servedModel({ layers: [10, 20] })]);
    expect(route?.stages.map(({ peer }) => peer)).toEqual(['A', 'SELF', 'B']);
    expect(route?.expectedTokenMs).toBeGreaterThan(60);
  });

  it('is nobody while layers are missing, and says which', () => {
    expect(plan([part('A', [0, 10])])).toMatchObject({ route: undefined, missing: [{ start: 10, end: 30 }] });
  });
});
