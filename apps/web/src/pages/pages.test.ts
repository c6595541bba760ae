import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLocation } from '../router.ts';
import { toRow } from '../state/peer-rows.ts';
import { peerView } from '../state/peers.fixture.ts';
import { catalogEntry, snapshotOf } from '../state/site-node.fixture.ts';
import { gapWords, heldWords, layerWords } from '../format/layers.ts';
import { supplyWords } from '../state/model-supply.ts';
import { chainTimes } from './chat/chain-times.ts';
import {
  byWords,
  failureWords,
  perTokenWords,
  readerWords,
  refusalWords,
  reportWords,
  waitingWords,
  wayWords,
} from './chat/words.ts';
import { chartPath, niceCeiling } from './contribute/chart-path.ts';
import { forcedBy, parseStart } from './contribute/start-query.ts';
import {
  activityWords,
  elsewhereWords,
  errorWords,
  heldLayersWords,
  lackingWords,
  restartWords,
  startWords,
} from './contribute/words.ts';
import { NARROW_PICTURE, WIDE_PICTURE, placePeers } from './network/topology-layout.ts';
import type { PeerName, RouteStage } from '@opengateway/core';
import type { LendingPlan } from '../state/lending-plan.ts';
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
    expect(byWords({ ...report, by: 'direct', here: 'B', stages: [stage('A'), stage('B')] })).toBe(
      'by a chain of 2 peers, this tab among them',
    );
  });

  it('say what is waited for', () => {
    expect(waitingWords({ state: 'queued', done: 2, total: 0 })).toBe('Queued, 2 ahead');
    expect(waitingWords({ state: 'prefill', done: 128, total: 512 })).toBe('Reading the question: 128 of 512 tokens');
    expect(waitingWords({ state: 'queued', done: 0, total: 1 }, true)).toContain('waiting for another');
    expect(waitingWords({ state: 'joining', done: 0, total: 0 })).toBe('Joining the network');
    expect(waitingWords({ state: 'connecting', done: 0, total: 0 })).toBe('Connecting to the peers');
    const missing = [{ start: 10, end: 20 }];
    expect(waitingWords({ state: 'listening', done: 0, total: 0, missing })).toBe(
      'Hearing who serves this model, up to 10 s: nobody heard so far serves layers 10 to 19',
    );
  });

  it('say what to do next, or at least what the relay said', () => {
    expect(failureWords({ code: 'invalid_api_key', message: 'x' }).wantsKey).toBe(true);
    expect(failureWords({ code: 'unknown', message: 'The reason.' })).toEqual({ text: 'The reason.', wantsKey: false });
    const gap = 'Nobody holds layers 10 to 19 of tiny now.';
    expect(failureWords({ code: 'no_route', message: gap }).text).toBe(
      `${gap} You can lend this device on the Contribute page, or ask again in a minute.`,
    );
  });
});

describe('a refusal of the relay', () => {
  const said =
    'Nobody serves llama-3.1-8b now. Served here now: smollm2-135m, qwen-0.5b. Europe serves llama-3.1-8b: https://eu.example';
  const model = { model: 'llama-3.1-8b', name: 'Llama 3.1 8B', region: 'Asia' };

  it('names region and model as people know them, and keeps the way to where the model is', () => {
    expect(refusalWords(said, { ...model, offersReady: true })).toBe(
      'Nobody in Asia serves Llama 3.1 8B now. Europe serves llama-3.1-8b: https://eu.example',
    );
    expect(refusalWords(said, { ...model, offersReady: false })).toContain('Served here now: smollm2-135m, qwen-0.5b.');
    expect(refusalWords('Nobody serves x now. Served here now: a.', { ...model, offersReady: true })).toBe(
      'Nobody serves x now.',
    );
  });

  it('ends as a sentence after an address', () => {
    expect(failureWords({ code: 'no_route', message: said }).text).toContain('https://eu.example. You can lend');
  });

  it('says when to ask again, where the relay said so, and what to do about another region', () => {
    const full = { code: 'capacity', message: 'x' };
    expect(failureWords({ ...full, retryAfterSeconds: 8 }).text).toContain('Ask again in about 8 s.');
    expect(failureWords(full).text).toContain('Ask again in a few seconds.');
    const elsewhere = {
      code: 'other_region',
      message: 'This relay serves Europe, not Asia. Relays there: https://a.example',
    };
    expect(failureWords(elsewhere).text).toMatch(/^This relay serves Europe, not Asia\. Choose “Direct”/);
  });
});

describe('a chain', () => {
  const chain: AnswerReport = {
    ...report,
    by: 'direct',
    stages: [
      { ...stage('A'), layers: { start: 0, end: 10 }, hop: { rttMs: 1.24, direct: true } },
      { ...stage('B'), layers: { start: 10, end: 30 }, hop: { rttMs: 40, direct: false } },
    ],
    completionTokens: 11,
    firstTextMs: 100,
    lastTextMs: 400,
    totalMs: 900,
    reports: [
      { peer: 'A' as PeerName, prefillMs: 5, decodeMs: 100, decodeSteps: 10, sentBytes: 1 },
      { peer: 'B' as PeerName, prefillMs: 5, decodeMs: 150, decodeSteps: 10, sentBytes: 1 },
    ],
  };

  it('tells computing from what lies between the stages', () => {
    const times = chainTimes(chain);
    expect(times).toEqual({ computeMs: [10, 15], totalComputeMs: 25, measuredMs: expect.closeTo(30, 6) });
    expect(perTokenWords(times, false)).toBe(
      '30 ms (measured here): 25 ms computing, all stages together, and 5.0 ms between them',
    );
    expect(perTokenWords(times, true)).toContain('the failover included');
  });

  it('says what is known where a stage said nothing, as of an answer through the relay', () => {
    const times = chainTimes({ ...chain, reports: chain.reports!.slice(1) });
    expect(times.computeMs).toEqual([null, 15]);
    expect(perTokenWords(times, false)).toBe('30 ms (measured here)');
    const { reports: _, ...relayed } = chain;
    expect(chainTimes(relayed)).toMatchObject({ computeMs: [null, null], totalComputeMs: null });
    expect(perTokenWords({ totalComputeMs: null, measuredMs: null }, false)).toBeNull();
  });

  it('names the way of each hop, the last one back to the first', () => {
    expect(chain.stages.map(({ hop }, index) => wayWords(hop!, index, 2))).toEqual([
      'to stage 2: direct, 1 ms there and back',
      'back to stage 1: through the relay, 40 ms there and back',
    ]);
    expect(wayWords({ rttMs: 0, direct: true }, 0, 2)).toContain('under 1 ms');
  });

  it('says who could read the question', () => {
    expect(readerWords({ ...chain, by: 'device' })).toContain('nobody else');
    expect(readerWords(chain)).toContain('the relay could not');
    expect(readerWords({ ...chain, by: 'network' })).toContain('it and the peers could read it');
  });
});

const error = (code: string) => ({ name: 'E', code, message: 'Because.', retryable: false });

describe('words about layers', () => {
  it('count from 0 and name both ends', () => {
    expect(layerWords({ start: 0, end: 10 })).toBe('layers 0 to 9');
    expect(layerWords({ start: 29, end: 30 })).toBe('layer 29');
    expect(heldWords({ start: 10, end: 20 }, 30)).toBe('layers 10 to 19 of 30');
    expect(heldWords({ start: 0, end: 30 }, 30)).toBe('the whole model');
    expect(gapWords([{ start: 4, end: 5 }])).toBe('layer 4');
    const gaps = [0, 2, 4, 6, 8].map((start) => ({ start, end: start + 1 }));
    expect(gapWords(gaps.slice(0, 2))).toBe('layers 0 and 2');
    expect(gapWords(gaps)).toBe('layers 0, 2, 4 and 2 more stretches');
  });

  const plan = { entry: catalogEntry, memoryBytes: 125e6, layersBy: 'network' } as LendingPlan;

  it('say which layers a tab holds, how large they are and why', () => {
    const part = snapshotOf({ state: 'serving', model: catalogEntry, layers: { start: 10, end: 20 } });
    expect(heldLayersWords(part, plan, 33e6)).toMatch(
      /^Holds layers 10 to 19 of 30 \(33 MB of weights\): what the network lacked most, as much as fits the 125 MB you lend\./,
    );
    expect(heldLayersWords({ ...part, state: 'loading', layers: null }, plan, null)).toContain(
      'does not fit the 125 MB',
    );
    expect(heldLayersWords(part, { ...plan, layersBy: 'forced' }, null)).toContain(
      '10 to 19 of 30: as the address asks',
    );
    const whole = { ...part, layers: { start: 0, end: 30 } };
    expect(heldLayersWords(whole, { ...plan, layersBy: 'whole' }, 98e6)).toBe(
      'Holds the whole model (98 MB of weights): all of it fits the 125 MB you lend.',
    );
    expect(heldLayersWords(part, null, null)).toBeNull();
  });

  it('say before a start what will be fetched', () => {
    const fit = { verdict: 'part', reason: 'Why.' } as const;
    expect(startWords(catalogEntry, { ...fit, verdict: 'possible' }, null)).toContain('fetches Tiny (98 MB, once)');
    expect(startWords(catalogEntry, fit, null)).toContain('the part of Tiny that the network lacks most');
    expect(startWords(catalogEntry, fit, { start: 0, end: 10 })).toContain('asks for layers 0 to 9 of Tiny');
    expect(startWords(catalogEntry, { ...fit, verdict: 'not-possible' }, null)).toBe('Why.');
  });

  it('explain a refusal', () => {
    expect(errorWords(error('layers_out_of_range'))).toContain('“layers=” in the address');
    expect(errorWords(error('memory_too_small'))).toContain('Not one layer');
    expect(lackingWords([])).toBeNull();
    expect(lackingWords([{ start: 20, end: 30 }])).toContain('Nobody serves layers 20 to 29 yet');
  });

  it('say who serves a model', () => {
    const coverage = { stretches: [], missing: [], wholes: 0, parts: 0, loading: 0 };
    expect(supplyWords(coverage)).toBe('served by nobody now');
    expect(supplyWords({ ...coverage, wholes: 1, parts: 3 })).toBe('served whole by 1 peer, in parts by 3 peers now');
    expect(supplyWords({ ...coverage, parts: 1, loading: 1, missing: [{ start: 0, end: 1 }] })).toBe(
      'served in parts by 1 peer now, not all layers yet, 1 peer loading',
    );
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
