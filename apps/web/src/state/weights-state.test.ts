import { describe, expect, it } from 'vitest';
import { signal } from '@preact/signals';
import { createPersistenceState } from './persistence.ts';
import { FakeSiteNode } from './site-node.fixture.ts';
import { createUploadState } from './upload-state.ts';
import type { SiteNode } from '../node/types.ts';

describe('what is given of weights', () => {
  it('is held to the limit of the person from the moment the tab joins, and nothing where giving is off', () => {
    const node = signal<SiteNode | null>(null);
    const settings = { givesWeights: signal(true), uploadBytesPerSecond: signal(1e6) };
    createUploadState({ node: { node }, settings, now: () => 0 });
    const joined = new FakeSiteNode();
    node.value = joined;
    settings.uploadBytesPerSecond.value = 2e6;
    settings.givesWeights.value = false;
    expect(joined.uploadLimits).toEqual([1e6, 2e6, 0]);
  });

  it('is counted with its speed over the last samples, anew for another node', () => {
    const joined = new FakeSiteNode();
    const node = signal<SiteNode | null>(joined);
    const settings = { givesWeights: signal(true), uploadBytesPerSecond: signal(1e6) };
    let nowMs = 0;
    const state = createUploadState({ node: { node }, settings, now: () => nowMs });
    const sample = (bytes: number, peers: number) => {
      joined.given = { bytes, peers };
      state.sample();
      nowMs += 2_000;
    };
    sample(0, 0);
    sample(2_400_000, 2);
    expect(state.given.value).toEqual({ bytes: 2_400_000, peers: 2, bytesPerSecond: 1_200_000 });
    for (let times = 0; times < 4; times++) sample(2_400_000, 2);
    expect(state.given.value.bytesPerSecond).toBe(0);
    node.value = new FakeSiteNode();
    state.sample();
    expect(state.given.value).toEqual({ bytes: 0, peers: 0, bytesPerSecond: 0 });
  });
});

const answerOf = async (host: Parameters<typeof createPersistenceState>[0]) => {
  const state = createPersistenceState(host);
  expect(state.answer.value).toBe('unasked');
  await state.ask();
  return state.answer.value;
};

describe('keeping what is stored', () => {
  it('is granted, refused or not offered, and the answer is kept', async () => {
    expect(await answerOf({ persisted: async () => true })).toBe('granted');
    expect(await answerOf({ persisted: async () => false, persist: async () => true })).toBe('granted');
    expect(await answerOf({ persist: async () => false })).toBe('refused');
    expect(await answerOf({})).toBe('unavailable');
    expect(await answerOf(undefined)).toBe('unavailable');
    expect(await answerOf({ persist: () => Promise.reject(new TypeError('insecure')) })).toBe('unavailable');
  });

  it('is asked for again after a refusal, never after a grant', async () => {
    let asked = 0;
    const state = createPersistenceState({ persist: async () => (asked += 1) > 1 });
    await state.ask();
    await state.ask();
    await state.ask();
    expect([asked, state.answer.value]).toEqual([2, 'granted']);
  });
});
