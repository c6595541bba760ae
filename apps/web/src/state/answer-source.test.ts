import { describe, expect, it } from 'vitest';
import { errorCode } from '@opengateway/core';
import { createAnswerSources } from './answer-source.ts';
import { FakeSiteNode, catalogEntry } from './site-node.fixture.ts';
import type { AnswerRequest } from '../api/answer-events.ts';
import type { ContributorState } from '@opengateway/core';

const request: AnswerRequest = { model: 'tiny', messages: [], temperature: 0, maxTokens: null, seed: 1 };
const signal = new AbortController().signal;

function setup(state: ContributorState | null) {
  const node = new FakeSiteNode();
  if (state !== null) node.contributor.set({ state, model: catalogEntry });
  let fetched = 0;
  const sources = createAnswerSources({
    fetch: async () => {
      fetched += 1;
      return new Response('data: [DONE]\n\n');
    },
    base: 'http://relay',
    node: () => (state === null ? null : node),
    catalogEntry: () => catalogEntry,
    apiKey: () => null,
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
    const source = sources.choose('tiny', false);
    expect(source.by).toBe('device');
    const events = await collect(source.answer(request, signal));
    expect(events[0]).toEqual({ type: 'text-delta', text: 'from this tab' });
    expect(fetched()).toBe(0);
  });

  it.each([null, 'idle', 'loading', 'error'] as const)('go through the relay while %s', async (state) => {
    const { sources, fetched } = setup(state);
    const source = sources.choose('tiny', false);
    expect(source.by).toBe('network');
    await collect(source.answer(request, signal));
    expect(fetched()).toBe(1);
  });

  it('go through the relay for another model than the one loaded', () => {
    expect(setup('serving').sources.choose('other', false).by).toBe('network');
  });

  it('never touch the network where only this device is allowed', async () => {
    const { sources, fetched } = setup('idle');
    const source = sources.choose('tiny', true);
    const code = await collect(source.answer(request, signal)).then(
      () => undefined,
      (error: unknown) => errorCode(error),
    );
    expect([code, fetched()]).toEqual(['model_not_here', 0]);
  });
});
