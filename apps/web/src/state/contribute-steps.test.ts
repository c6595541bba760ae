import { describe, expect, it } from 'vitest';
import { contributeSteps, describeLoading } from './contribute-steps.ts';
import { snapshotOf } from './site-node.fixture.ts';
import type { RunTimes } from './contribute-steps.ts';

const FROM_SERVER = { fromPeersBytes: 0, fromServerBytes: 98e6, peers: 0 };
const times: RunTimes = {
  entered: { probing: 1000, loading: 1100, 'self-test': 3100, serving: 3500 },
  joinStartMs: 500,
  joinedMs: 1000,
  weights: { doneBytes: 98e6, totalBytes: 98e6, fetchedBytes: 98e6, bytesPerSecond: 40e6, ...FROM_SERVER },
};
const until = (...states: (keyof RunTimes['entered'])[]): RunTimes => ({
  ...times,
  entered: Object.fromEntries(Object.entries(times.entered).filter(([state]) => states.includes(state as 'serving'))),
});
const loading = (doneBytes: number, fetchedBytes: number, bytesPerSecond: number) =>
  snapshotOf({
    state: 'loading',
    loading: { doneBytes, totalBytes: 98e6, fetchedBytes, bytesPerSecond, ...FROM_SERVER },
  });
const statuses = (...[snapshot, run, now]: Parameters<typeof contributeSteps>) =>
  contributeSteps(snapshot, run, now).map(({ status }) => status);

const sources = (over: object) => {
  const { loading: progress } = loading(34e6, 34e6, 3.2e6);
  const snapshot = snapshotOf({ state: 'loading', loading: { ...progress!, ...over } });
  return contributeSteps(snapshot, until('probing', 'loading'), 2100)[2]?.sources;
};

describe('contribute steps', () => {
  it('begin with joining', () => {
    const run: RunTimes = { entered: {}, joinStartMs: 500, joinedMs: null, weights: null };
    expect(statuses(snapshotOf({ state: 'probing' }), run, 700)).toEqual([
      'active',
      'waiting',
      'waiting',
      'waiting',
      'waiting',
    ]);
  });

  it('go on one by one with their own time', () => {
    const steps = contributeSteps(loading(34e6, 34e6, 3.2e6), until('probing', 'loading'), 2100);
    expect(steps.map(({ status }) => status)).toEqual(['done', 'done', 'active', 'waiting', 'waiting']);
    expect(steps.map(({ elapsedMs }) => elapsedMs)).toEqual([500, 100, 1000, null, null]);
    expect(steps[2]).toMatchObject({ detail: '34 of 98 MB, 3.2 MB/s, about 20 s left', progress: 34 / 98 });
  });

  it('say how much came from how many peers, and what the server had to give', () => {
    expect(sources({ fromServerBytes: 34e6 })).toBe('From the server 34 MB; no peer has it yet');
    expect(sources({ fromPeersBytes: 30e6, fromServerBytes: 4e6, peers: 3 })).toBe(
      'From 3 peers 30 MB, from the server 4.0 MB',
    );
    expect(sources({ fetchedBytes: 0, fromServerBytes: 0 })).toBe('');
  });

  it('end with serving, telling where the weights came from', () => {
    const steps = contributeSteps(snapshotOf({ state: 'serving' }), times, 9500);
    expect(steps.every(({ status }) => status === 'done')).toBe(true);
    expect(steps[2]?.detail).toContain('98 MB from the server');
    expect(steps[4]?.elapsedMs).toBe(6000);
  });

  it('say that the others are heard first, where not all layers fit', () => {
    const hearing = { ...loading(0, 0, 0), layers: null };
    const [, , step] = contributeSteps(hearing, until('probing', 'loading'), 2100, 'network');
    expect(step).toMatchObject({
      title: 'Choose layers, fetch weights',
      detail: 'Hearing which layers others hold, up to 11 s',
      progress: null,
    });
    const chosen = { ...loading(11e6, 11e6, 0), layers: { start: 0, end: 10 } };
    expect(contributeSteps(chosen, until('probing', 'loading'), 2100, 'network')[2]?.detail).toBe('11 of 98 MB');
  });

  it('mark the step that failed and leave the rest', () => {
    const failed = snapshotOf({ state: 'error', sinceMs: 2000 });
    const steps = contributeSteps(failed, { ...until('probing', 'loading'), weights: null }, 99_000);
    expect(steps.map(({ status }) => status)).toEqual(['done', 'done', 'failed', 'waiting', 'waiting']);
    expect(steps[2]?.elapsedMs).toBe(900);
  });

  it('mark a failure to join', () => {
    const run: RunTimes = { entered: {}, joinStartMs: 500, joinedMs: null, weights: null };
    expect(statuses(snapshotOf({ state: 'error' }), run, 700)[0]).toBe('failed');
  });
});

describe('describeLoading', () => {
  it('says amounts, source and time left', () => {
    expect(describeLoading(loading(34e6, 34e6, 3.2e6))).toBe('34 of 98 MB, 3.2 MB/s, about 20 s left');
    expect(describeLoading(loading(34e6, 0, 90e6))).toBe(
      '34 of 98 MB from this browser’s store, 90 MB/s, about 1 s left',
    );
    expect(describeLoading(loading(0, 0, 0))).toBe('0 of 98 MB');
    expect(describeLoading(loading(98e6, 0, 1))).toBe('98 of 98 MB, laying out in memory');
    expect(describeLoading(snapshotOf())).toBe('');
  });
});
