import { signal as preact } from '@preact/signals';
import { describe, expect, it } from 'vitest';
import { errorCode } from '@opengateway/core';
import { createAnswerSources } from './answer-source.ts';
import { FakeSiteNode, catalogEntry } from './site-node.fixture.ts';
import type { AnswerRequest } from '../api/answer-events.ts';
import type { ContributorSnapshot, ContributorState } from '@opengateway/core';
import type { Place } from './settings.ts';

const request: AnswerRequest = { model: 'tiny', messages: [], temperature: 0, maxTokens: null, seed: 1 };
const signal = new AbortController().signal;

function setup(state: ContributorState | null, layers = { start: 0, end: 30 }, held: ContributorSnapshot['held'] = []) {
  const node = new FakeSiteNode();
  if (state !== null) node.contributor.set({ state, model: catalogEntry, layers, held });
  let fetched = 0;
  const sources = createAnswerSources({
    fetch: async () => {
      fetched += 1;
      return new Response('data: [DONE]\n\n');
    },
    base: 'http://relay',
    node: {
      node: preact(state === null ? null : node),
      join: async () => node,
      peers: preact([]),
      settled: preact(true),
    },
    catalogEntry: () => catalogEntry,
    apiKey: () => null,
    region: () => null,
  });
  return { sources, fetched: () => fetched };
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe('answer sources', () => {
  it.each(['serving', 'paused'] as const)('answer on this device while %s, without the network', async (state) => {
    const { sources, fetched } = setup(state);
    const source = sources.choose('tiny', 'relay');
    expect(source.by).toBe('device');
    const events = await collect(source.answer(request, signal));
    expect(events[0]).toEqual({ type: 'text-delta', text: 'from this tab' });
    expect(fetched()).toBe(0);
  });

  it.each([null, 'idle', 'loading', 'error'] as const)('go through the relay while %s', async (state) => {
    const { sources, fetched } = setup(state);
    const source = sources.choose('tiny', 'relay');
    expect(source.by).toBe('network');
    await collect(source.answer(request, signal));
    expect(fetched()).toBe(1);
  });

  it('go through the relay for another model than the one loaded', () => {
    expect(setup('serving').sources.choose('other', 'relay').by).toBe('network');
  });

  it('answer on this device for every model that is held whole, once it is here', () => {
    const other = { entry: { ...catalogEntry, id: 'other' }, doneBytes: 1, totalBytes: 1, error: null };
    const by = (state: 'fetching' | 'disk' | 'memory') =>
      setup('serving', undefined, [{ ...other, state }]).sources.choose('other', 'relay').by;
    expect([by('fetching'), by('disk'), by('memory')]).toEqual(['network', 'device', 'device']);
  });

  it('never touch the network where only this device is allowed', async () => {
    const { sources, fetched } = setup('idle');
    const source = sources.choose('tiny', 'device');
    const code = await collect(source.answer(request, signal)).then(
      () => undefined,
      (error: unknown) => errorCode(error),
    );
    expect([code, fetched()]).toEqual(['model_not_here', 0]);
  });

  it('ask the peers without the relay where the person chose so', async () => {
    const { sources, fetched } = setup(null);
    const source = sources.choose('tiny', 'direct');
    expect(source.by).toBe('direct');
    const events = await collect(source.answer(request, signal));
    expect(events).toContainEqual({ type: 'text-delta', text: 'from peers that hold tiny' });
    expect(fetched()).toBe(0);
  });

  it('answer on this device with the whole model only, and may be part of a chain with less', () => {
    expect(setup('serving').sources.choose('tiny', 'direct').by).toBe('device');
    const part = setup('serving', { start: 10, end: 20 }).sources;
    expect(['relay', 'direct'].map((place) => part.choose('tiny', place as Place).by)).toEqual(['network', 'direct']);
  });
});
