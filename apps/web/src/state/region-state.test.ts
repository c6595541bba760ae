import { describe, expect, it } from 'vitest';
import { signal } from '@preact/signals';
import { createRegionState } from './region-state.ts';
import { FakeSiteNode, catalogEntry, snapshotOf } from './site-node.fixture.ts';
import type { BootstrapDocument, Region } from '@opengateway/core';
import type { LendingChoice } from './contribute-state.ts';
import type { SiteNode } from '../node/types.ts';

const document: BootstrapDocument = {
  protocol: 1,
  relay: { peer: 'E', multiaddrs: ['/dns4/e.example/tcp/443/wss/p2p/E'] },
  region: 'europe',
  client: { region: 'asia', regionSource: 'address' },
  relays: [
    { region: 'asia', url: 'https://a.example', multiaddrs: ['/dns4/a.example/tcp/443/wss/p2p/A'] },
    { region: 'asia', url: 'javascript:alert(1)', multiaddrs: ['/dns4/b.example/tcp/443/wss/p2p/B'] },
    { region: 'europe', url: 'https://e.example', multiaddrs: ['/dns4/e.example/tcp/443/wss/p2p/E'] },
    { region: 'africa', url: 'https://f.example' },
  ],
  catalog: [catalogEntry],
};

function setup({ joined = true, lending = false }: { joined?: boolean; lending?: boolean } = {}) {
  const calls: string[] = [];
  const node = signal<SiteNode | null>(joined ? new FakeSiteNode() : null);
  const snapshot = signal(snapshotOf(lending ? { state: 'serving' } : {}));
  const choice = signal<LendingChoice | null>(lending ? { entry: catalogEntry, when: 'now' } : null);
  const settings = { region: signal<Region | null>(null) };
  const joining = { fails: false };
  const bootstrap = signal(document);
  const state = createRegionState({
    relay: { bootstrap },
    settings,
    node: {
      node,
      join: async () => {
        calls.push('join');
        if (joining.fails) throw new Error('not joined');
        return new FakeSiteNode();
      },
      leave: async () => {
        calls.push('leave');
        node.value = null;
      },
    },
    contribute: {
      snapshot,
      choice,
      start: async ({ entry }) => void calls.push(`start ${entry.id}`),
      stop: async () => {
        calls.push('stop');
        choice.value = null;
      },
    },
  });
  return { state, calls, settings, joining, bootstrap };
}

describe('the region of a tab', () => {
  it('is that of its address where a relay is known there, and both are told', () => {
    const { state } = setup();
    expect(state.view.value).toEqual({
      region: 'asia',
      source: 'address',
      byAddress: 'asia',
      unchosen: 'asia',
      ofRelay: 'europe',
    });
  });

  it('is the one the person chose, which is kept', async () => {
    const { state, settings } = setup();
    await state.change('europe');
    expect(settings.region.value).toBe('europe');
    expect(state.view.value).toMatchObject({
      region: 'europe',
      source: 'override',
      byAddress: 'asia',
      unchosen: 'asia',
    });
  });

  it('lists all seven, and says where no relay is known or none can be joined', () => {
    const { options } = setup().state;
    expect(options.value).toHaveLength(7);
    const of = (name: string) => options.value.find(({ region }) => region === name);
    expect(of('asia')).toEqual({ region: 'asia', relays: 1, joinable: true });
    expect(of('africa')).toEqual({ region: 'africa', relays: 1, joinable: false });
    expect(of('oceania')).toEqual({ region: 'oceania', relays: 0, joinable: false });
  });

  it('makes links of web addresses only', () => {
    expect(
      setup()
        .state.relaysOf('asia')
        .map(({ url }) => url),
    ).toEqual(['https://a.example']);
  });

  it('is left for another without a reload; who lends goes on there', async () => {
    const listening = setup();
    await listening.state.change('europe');
    expect(listening.calls).toEqual(['leave', 'join']);
    const lending = setup({ lending: true });
    await lending.state.change('europe');
    expect(lending.calls).toEqual(['stop', 'leave', 'start tiny']);
  });

  it('is not joined before anything is, nor left for itself', async () => {
    const off = setup({ joined: false });
    await off.state.change('europe');
    const same = setup();
    await same.state.change('asia');
    expect([off.calls, same.calls]).toEqual([[], []]);
    expect(same.state.view.value?.source).toBe('override');
  });

  it('stays what it is when the relays that led there fall silent', () => {
    const { state, bootstrap } = setup();
    bootstrap.value = { ...document, relays: [] };
    expect(state.view.value).toMatchObject({ region: 'asia', source: 'address', unchosen: 'europe' });
  });

  it('may fail to be joined, and can be changed again', async () => {
    const { state, joining, calls } = setup();
    joining.fails = true;
    await state.change('europe');
    expect(state.changing.value).toBe(false);
    await state.change(null);
    expect(calls).toEqual(['leave', 'join']);
    expect(state.view.value?.region).toBe('asia');
  });
});
