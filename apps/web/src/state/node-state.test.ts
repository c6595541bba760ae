import { describe, expect, it } from 'vitest';
import { computed } from '@preact/signals';
import { FakeClock } from '@opengateway/core/testing';
import { LISTENING_MS } from '../constants.ts';
import { createNodeState } from './node-state.ts';
import { peerView } from './peers.fixture.ts';
import { FakeSiteNode } from './site-node.fixture.ts';
import type { LoadNode } from './node-state.ts';

const bootstrap = { protocol: 1 as const, relay: { peer: 'R', multiaddrs: [] }, region: 'europe', catalog: [] };

function setup(load?: LoadNode) {
  const clock = new FakeClock();
  const node = new FakeSiteNode();
  let loads = 0;
  const state = createNodeState({
    relay: { whenReachable: async () => bootstrap },
    load: async (document) => {
      loads += 1;
      return load ? load(document) : node;
    },
    clock,
  });
  return { clock, node, state, loads: () => loads };
}

describe('node state', () => {
  it('joins once, however many ask', async () => {
    const { state, loads, node } = setup();
    expect(state.phase.value).toBe('off');
    expect(await Promise.all([state.join(), state.join()])).toEqual([node, node]);
    expect([loads(), state.phase.value]).toEqual([1, 'joined']);
  });

  it('says why it failed and tries anew when asked again', async () => {
    let fail = true;
    const node = new FakeSiteNode();
    const { state } = setup(async () => {
      if (fail) throw new Error('no way through');
      return node;
    });
    await expect(state.join()).rejects.toThrow('no way through');
    expect([state.phase.value, state.problem.value]).toEqual(['failed', 'no way through']);
    fail = false;
    await state.join();
    expect([state.phase.value, state.problem.value]).toEqual(['joined', null]);
  });

  it('follows the peers, this tab among them', async () => {
    const { state, node } = setup();
    await state.join();
    node.setViews([peerView('A')]);
    node.own = peerView('SELF');
    node.contributor.set({ state: 'serving' });
    expect(computed(() => state.peers.value.map(({ peer, self }) => `${peer}:${self}`)).value).toEqual([
      'SELF:true',
      'A:false',
    ]);
    node.setViews([]);
    expect(state.timeline.value.map(({ type, peer }) => `${type} ${peer}`)).toEqual([
      'leave A',
      'found SELF',
      'found A',
    ]);
  });

  it('does not claim that nobody is there before it has listened long enough', async () => {
    const { state, clock } = setup();
    await state.join();
    expect(state.heard.value).toBe(false);
    await clock.advance(LISTENING_MS);
    expect(state.heard.value).toBe(true);
  });

  it('notes when the link to the relay goes and comes back', async () => {
    const { state, node } = setup();
    await state.join();
    node.setLink(false);
    expect(state.relayConnected.value).toBe(false);
    node.setLink(true);
    expect(state.timeline.value.map(({ type }) => type)).toEqual(['relay-back', 'relay-lost']);
  });

  it('knows the relays it is linked to', async () => {
    const { state, node } = setup();
    await state.join();
    expect(state.relays.value).toEqual(['RELAY']);
    node.links = ['RELAY', 'OTHER'];
    node.setLink(true);
    expect(state.relays.value).toEqual(['RELAY', 'OTHER']);
  });

  it('leaves without a trace, and joins anew', async () => {
    const { state, node, clock, loads } = setup();
    node.setViews([peerView('A')]);
    await state.join();
    await state.leave();
    expect(node.stopped).toBe(true);
    expect([state.phase.value, state.node.value, state.peers.value, state.relays.value]).toEqual(['off', null, [], []]);
    node.setViews([peerView('B')]);
    await clock.advance(LISTENING_MS);
    expect([state.peers.value, state.settled.value]).toEqual([[], false]);
    await state.join();
    expect([loads(), state.peers.value.map(({ peer }) => peer)]).toEqual([2, ['B']]);
  });

  it('has nothing to leave before it joined, or where joining failed', async () => {
    const { state } = setup(() => Promise.reject(new Error('not joined')));
    await state.leave();
    await expect(state.join()).rejects.toThrow('not joined');
    await state.leave();
    expect(state.phase.value).toBe('failed');
  });
});
