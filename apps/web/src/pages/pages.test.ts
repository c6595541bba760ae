import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLocation } from '../router.ts';
import { toRow } from '../state/peer-rows.ts';
import { peerView } from '../state/peers.fixture.ts';
import { snapshotOf } from '../state/site-node.fixture.ts';
import { byWords, failureWords, reportWords, waitingWords } from './chat/words.ts';
import { chartPath, niceCeiling } from './contribute/chart-path.ts';
import { forcedBy, parseStart } from './contribute/start-query.ts';
import { activityWords, elsewhereWords, restartWords } from './contribute/words.ts';
import { NARROW_PICTURE, WIDE_PICTURE, placePeers } from './network/topology-layout.ts';
import type { RouteStage } from '@opengateway/core';
import type { AnswerReport } from '../storage/schema.ts';

const stage = (peer: string) => ({ peer, engine: 'wasm', layers: { start: 0, end: 30 } }) as RouteStage;
const report: AnswerReport = {
  by: 'network',
  stages: [stage('12D3KooWabcdef')],
  promptTokens: 31,
  completionTokens: 58,
  firstTextMs: 310,
  totalMs: 1080,
  failovers: 0,
  reason: 'stop',
};

const page = (path: string) => parseLocation(new URL(path, 'http://x')).page;

describe('routes', () => {
  it('know the pages, with and without a slash at the end', () => {
    expect(['/', '/chat', '/chat/', '/contribute?start=1', '/network', '/else'].map(page)).toEqual([
      'home',
      'chat',
      'chat',
      'contribute',
      'network',
      'not-found',
    ]);
  });

  it('read an unattended start', () => {
    expect(parseStart(new URLSearchParams('start=1&engine=reference&model=m'))).toEqual({
      start: true,
      engine: 'reference',
      threads: null,
      layers: null,
      model: 'm',
    });
    expect(parseStart(new URLSearchParams('engine=magic&threads=0'))).toEqual({
      start: false,
      engine: null,
      threads: null,
      layers: null,
      model: null,
    });
    expect(forcedBy(parseStart(new URLSearchParams('engine=wasm&threads=2')))).toEqual({ engine: 'wasm', threads: 2 });
    expect(forcedBy(parseStart(new URLSearchParams('start=1')))).toEqual({});
  });
});

describe('words under an answer', () => {
  it('say tokens, times and by whom', () => {
    expect(reportWords(report)).toEqual(['58 tokens', 'first word after 0.31 s', '74 tokens/s', 'by peer …abcdef']);
    expect(reportWords({ ...report, completionTokens: null, firstTextMs: null })).toEqual(['by peer …abcdef']);
  });

  it('say by whom in every case', () => {
    expect(byWords({ ...report, by: 'device' })).toBe('on this device');
    expect(byWords({ ...report, stages: [stage('A'), stage('B'), stage('C')] })).toBe('by a chain of 3 peers');
    expect(byWords({ ...report, stages: [] })).toBe('through the relay');
  });

  it('say what is waited for', () => {
    expect(waitingWords({ state: 'queued', done: 2, total: 0 })).toBe('Queued, 2 ahead');
    expect(waitingWords({ state: 'prefill', done: 128, total: 512 })).toBe('Reading the question: 128 of 512 tokens');
  });

  it('say what to do next, or at least what the relay said', () => {
    expect(failureWords({ code: 'invalid_api_key', message: 'x' }).wantsKey).toBe(true);
    expect(failureWords({ code: 'unknown', message: 'The reason.' })).toEqual({ text: 'The reason.', wantsKey: false });
  });
});

describe('words while serving', () => {
  it('call idleness the good news it is', () => {
    const serving = snapshotOf({ state: 'serving', lastRequestMs: 0 });
    expect(activityWords(serving, 240_000)).toBe('Serving, no requests in the last 4 min. Ready for the next.');
    expect(activityWords({ ...serving, requestsNow: 1 }, 0)).toBe('Answering.');
    expect(activityWords({ ...serving, relayConnected: false }, 0)).toContain('Reconnecting');
  });
});

describe('words about failures and other tabs', () => {
  const failure = { name: 'E', code: 'device_lost', message: 'x', retryable: true };

  it('say when lending starts again', () => {
    const recovery = { restarts: 1, failure, fellBackFrom: null, nextAtMs: 3_000 };
    expect(restartWords(recovery, 1_000)).toBe(
      'The graphics device was lost (the system took it back). Starting again in 2 s; your chats are safe.',
    );
    expect(restartWords({ ...recovery, nextAtMs: null }, 1_000)).toContain('Starting again;');
  });

  it('say what the tab that lends is doing', () => {
    const there = snapshotOf({ state: 'serving', requestsNow: 1, tokensPerSecond: 61, requestsServed: 3 });
    expect(elsewhereWords(there)).toContain('answering at 61 tokens/s, 3 requests answered');
    expect(elsewhereWords({ ...there, requestsNow: 0 })).toContain('ready');
    for (const state of ['paused', 'error', 'loading'] as const) {
      expect(elsewhereWords({ ...there, state })).toMatch(/nother tab of this browser/);
    }
  });

  it('say why lending pauses by itself', () => {
    const paused = snapshotOf({ state: 'paused' });
    expect(activityWords(paused, 0, ['battery', 'hours'])).toContain(
      'Paused because the device runs on its battery and it is outside of your hours.',
    );
    expect(activityWords(paused, 0)).toMatch(/^Paused\. /);
  });
});

describe('chart', () => {
  it('has a ceiling of round numbers at or above any value', () => {
    expect([0, 10, 11, 74, 130, 480].map(niceCeiling)).toEqual([10, 10, 20, 100, 200, 500]);
    fc.assert(fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (value) => niceCeiling(value) >= value));
  });

  it('ends at the right edge and stays inside its box', () => {
    const box = { capacity: 5, ceiling: 100, width: 100, height: 50 };
    expect(chartPath([], box)).toBeNull();
    expect(chartPath([0, 50, 500], box)?.line).toBe('M50 50L75 25L100 0');
  });
});

describe('topology', () => {
  it('places every peer inside the picture, this tab first, and keeps places steady', () => {
    const rows = Array.from({ length: 20 }, (_, index) => toRow(peerView(`P${index}`), 'P7'));
    for (const picture of [WIDE_PICTURE, NARROW_PICTURE]) {
      const placed = placePeers(rows, 12, picture);
      expect(placed).toHaveLength(12);
      expect(placed[0]?.row.self).toBe(true);
      for (const { x, y } of placed) {
        expect(x).toBeGreaterThan(30);
        expect(x).toBeLessThan(picture.width - 30);
        expect(y).toBeGreaterThan(30);
        expect(y).toBeLessThan(picture.height - 30);
      }
      expect(placePeers(rows.toReversed(), 12, picture)).toEqual(placed);
    }
  });
});
