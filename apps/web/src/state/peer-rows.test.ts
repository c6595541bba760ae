import { describe, expect, it } from 'vitest';
import { clustersOf, regionFigures, servesWords, sortRows, toRow } from './peer-rows.ts';
import { peerView, servedModel } from './peers.fixture.ts';
import { appendTimeline, diffPeers } from './timeline.ts';
import { MAX_TIMELINE_EVENTS } from '../constants.ts';
import { catalogEntry } from './site-node.fixture.ts';

const rows = [
  toRow(peerView('B', {}, { freeSlots: 2, decodeTokensPerSecond: 90 }), 'C'),
  toRow(peerView('A', { state: 'paused' }), 'C'),
  toRow(peerView('C', { kind: 'node' }, { freeSlots: 0, queued: 3, decodeTokensPerSecond: 40 }), 'C'),
  toRow(peerView('D', { models: [] }), 'C'),
];

const peers = (column: Parameters<typeof sortRows>[1]['column'], descending = false) =>
  sortRows(rows, { column, descending })
    .map(({ peer }) => peer)
    .join('');

const part = (peer: string, layers: [number, number]) =>
  toRow(peerView(peer, {}, { layers, decodeTokensPerSecond: 90 }), null);

describe('peer rows', () => {
  it('say what a peer does', () => {
    expect(rows[2]).toEqual({
      peer: 'C',
      self: true,
      tiers: ['starter'],
      kind: 'node',
      state: 'serving',
      models: ['tiny'],
      held: [{ id: 'tiny', manifest: catalogEntry.manifest, layers: { start: 0, end: 30 }, stored: false }],
      engine: 'wasm',
      slots: 8,
      busy: 8,
      queued: 3,
      tokensPerSecond: 40,
      lastSeenMs: 1000,
    });
  });

  it('never count more free places than there are', () => {
    expect(toRow(peerView('A', {}, { slots: 4, freeSlots: 9 }), null).busy).toBe(0);
  });

  it('sort by any column, names deciding between equals', () => {
    expect(peers('peer')).toBe('ABCD');
    expect(peers('peer', true)).toBe('DCBA');
    expect(peers('busy', true)).toBe('CBAD');
    expect(peers('tokensPerSecond')).toBe('DCAB');
    expect(peers('kind')).toBe('CABD');
  });

  it('add up to the figures of those that serve', () => {
    const catalog = [catalogEntry];
    expect(regionFigures(rows, catalog)).toEqual({ serving: 2, models: 1, busy: 14, slots: 16, tokensPerSecond: 130 });
    expect(regionFigures(rows, []).models).toBe(0);
  });

  it('count a part of a model for what it is, and the model as ready only with all its layers', () => {
    const two = [part('A', [0, 10]), part('B', [10, 20])];
    expect(regionFigures(two, [catalogEntry])).toMatchObject({ serving: 2, models: 0, tokensPerSecond: 60 });
    const all = [...two, part('C', [20, 30])];
    expect(regionFigures(all, [catalogEntry])).toMatchObject({ models: 1, tokensPerSecond: 90 });
  });

  it('count the places of what is in memory, and say what lies on disk', () => {
    const both = [servedModel(), servedModel({ id: 'other', stored: true, decodeTokensPerSecond: 900 })];
    const row = toRow(peerView('A', { models: both }), null);
    expect(row).toMatchObject({ slots: 8, tokensPerSecond: 50, models: ['tiny', 'other'] });
    expect(servesWords(row, [catalogEntry])).toBe('tiny; other (on disk)');
  });

  it('are members of every cluster they announce themselves in', () => {
    const members = [
      toRow(peerView('A', {}, {}, ['starter', 'model-a']), null),
      toRow(peerView('B', { state: 'loading' }, {}, ['starter']), null),
    ];
    expect(clustersOf(members).map((cluster) => `${cluster.tier} ${cluster.serving}/${cluster.members}`)).toEqual([
      'starter 1/2',
      'model-a 1/1',
      'model-b 0/0',
      'model-c 0/0',
      'model-d 0/0',
    ]);
  });

  it('say which layers a peer holds, where it does not hold all', () => {
    const row = toRow(peerView('A', {}, { layers: [10, 20] }), null);
    expect(servesWords(row, [catalogEntry])).toBe('tiny, layers 10 to 19 of 30');
    expect(servesWords(row, [])).toBe('tiny, layers 10 to 19');
    expect(servesWords(rows[0]!, [catalogEntry])).toBe('tiny');
    expect(servesWords(rows[3]!, [catalogEntry])).toBe('');
  });
});

const types = (
  ...[before, after]: Parameters<typeof diffPeers> extends [infer B, infer A, ...unknown[]] ? [B, A] : never
) => diffPeers(before, after, { atMs: 5, listening: false }).map(({ type }) => type);

const event = (atMs: number) => ({ atMs, type: 'join' as const, peer: 'A', detail: '' });

describe('timeline', () => {
  const serving = toRow(peerView('A'), null);
  const paused = toRow(peerView('A', { state: 'paused' }), null);
  it('tells joins, leaves, pauses and returns apart', () => {
    expect(types([], [serving])).toEqual(['join']);
    expect(types([serving], [])).toEqual(['leave']);
    expect(types([serving], [paused])).toEqual(['pause']);
    expect(types([paused], [serving])).toEqual(['resume']);
    expect(types([serving], [serving])).toEqual([]);
  });

  it('does not take those it finds for newcomers', () => {
    expect(diffPeers([], [serving], { atMs: 5, listening: true })[0]?.type).toBe('found');
  });

  it('is bounded, latest first', () => {
    const many = Array.from({ length: MAX_TIMELINE_EVENTS + 5 }, (_, index) => event(index));
    const timeline = appendTimeline([event(-1)], many);
    expect(timeline).toHaveLength(MAX_TIMELINE_EVENTS);
    expect(timeline[0]?.atMs).toBe(MAX_TIMELINE_EVENTS + 4);
  });
});
