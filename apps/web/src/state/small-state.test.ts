import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createApiKeyState } from './api-key.ts';
import { deviceRows } from './device-rows.ts';
import { readGiven } from './given.ts';
import { modelFit } from './model-fit.ts';
import { createSettings } from './settings.ts';
import { catalogEntry } from './site-node.fixture.ts';
import { exportFileName, exportMarkdown, titleFrom } from './transcript.ts';
import type { DeviceProbe } from '@opengateway/gpu-worker';

const probe: DeviceProbe = {
  host: 'browser',
  isMobile: false,
  cores: 8,
  memoryBytes: 8 * 1024 ** 3,
  kernels: 'relaxed-simd',
  wasmThreads: true,
  crossOriginIsolated: true,
  storage: { quotaBytes: 10e9, usedBytes: 1e9, persisted: false },
  graphics: null,
  connection: null,
};

const storageOf = (items: Record<string, string> = {}) => ({
  getItem: (key: string) => items[key] ?? null,
  setItem: (key: string, value: string) => void (items[key] = value),
  removeItem: (key: string) => void delete items[key],
  items,
});

describe('model fit', () => {
  it('says why a model is ready, possible or not', () => {
    expect(modelFit(catalogEntry, probe, true).verdict).toBe('ready');
    expect(modelFit(catalogEntry, probe, false).verdict).toBe('possible');
    expect(modelFit({ ...catalogEntry, bytes: 5e9 }, probe, false)).toMatchObject({
      verdict: 'not-possible',
      reason: expect.stringContaining('at most 4.3 GB'),
    });
    expect(modelFit(catalogEntry, { ...probe, memoryBytes: 0.25 * 1024 ** 3 }, false).verdict).toBe('not-possible');
    expect(modelFit(catalogEntry, { ...probe, kernels: null }, false).verdict).toBe('not-possible');
    const full = { ...probe, storage: { quotaBytes: 5e6, usedBytes: 0, persisted: false } };
    expect(modelFit(catalogEntry, full, false).reason).toContain('98 MB storage');
  });
});

describe('device rows', () => {
  it('tell every figure with its source, and nothing that is not known', () => {
    const rows = deviceRows(probe, { roundTripMs: 4, decodeTokensPerSecond: 120, variant: 'relaxed-simd' });
    expect(rows.map(({ name, source }) => `${name} ${source}`)).toEqual([
      'Processor told',
      'Speed measured',
      'Memory told',
      'GPU told',
      'Storage told',
      'Connection measured',
    ]);
    const unknown = deviceRows(
      { ...probe, memoryBytes: null, storage: null },
      { roundTripMs: null, decodeTokensPerSecond: 0, variant: null },
    );
    expect(unknown.filter(({ source }) => source === null).map(({ name }) => name)).toEqual([
      'Speed',
      'Memory',
      'Storage',
      'Connection',
    ]);
  });
});

describe('given', () => {
  it('reads only today’s own account, whatever lies in the store', () => {
    const key = 'opengateway-given';
    const stored = storageOf({ [key]: JSON.stringify({ day: '2026-11-21', tokens: 5, requests: 1 }) });
    expect(readGiven(stored, '2026-11-21')).toEqual({ day: '2026-11-21', tokens: 5, requests: 1 });
    expect(readGiven(stored, '2026-11-22')).toEqual({ day: '2026-11-22', tokens: 0, requests: 0 });
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        expect(readGiven(storageOf({ [key]: text }), 'd').tokens).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe('settings', () => {
  it('keep what was chosen', () => {
    const storage = storageOf();
    createSettings(storage).deviceOnly.value = true;
    const again = createSettings(storage);
    expect([again.deviceOnly.value, again.pauseOnBattery.value, again.model.value]).toEqual([true, true, null]);
  });

  it('fall back to the defaults for anything else in the store', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const settings = createSettings(storageOf({ 'opengateway-settings': text }));
        expect(typeof settings.deviceOnly.value).toBe('boolean');
      }),
    );
  });
});

describe('API key', () => {
  it('is kept for the session, asked for and taken back', () => {
    const storage = storageOf();
    const state = createApiKeyState(storage);
    state.ask();
    expect(state.wanted.value).toBe(true);
    state.give(' secret ');
    expect([state.key.value, state.wanted.value]).toEqual(['secret', false]);
    expect(createApiKeyState(storage).key.value).toBe('secret');
    state.give('');
    expect(createApiKeyState(storage).key.value).toBeNull();
  });
});

describe('transcript', () => {
  it('takes a title from the first line, cut between words', () => {
    expect(titleFrom('  Hello there\nmore')).toBe('Hello there');
    expect(titleFrom('')).toBe('New chat');
    const long = titleFrom('word '.repeat(40));
    expect(long.length).toBeLessThanOrEqual(50);
    expect(long.endsWith('word…')).toBe(true);
  });

  it('names files with letters, digits and dashes only', () => {
    expect(exportFileName('What is 2/3 of “π”?')).toBe('what-is-2-3-of-π.md');
    expect(exportFileName('../..')).toBe('chat.md');
  });

  it('exports a conversation as markdown', () => {
    const base = {
      conversationId: 'c',
      createdMs: 0,
      seed: null,
      report: null,
      error: null,
    };
    const text = exportMarkdown(
      {
        id: 'c',
        title: 'T',
        titled: true,
        createdMs: 0,
        updatedMs: 0,
        model: null,
        options: { systemPrompt: '', temperature: 1, maxTokens: null },
      },
      [
        { ...base, id: '1', position: 0, role: 'user', content: 'Q', status: 'complete', model: null },
        { ...base, id: '2', position: 1, role: 'assistant', content: 'A', status: 'interrupted', model: 'tiny' },
      ],
    );
    expect(text).toBe('# T\n\n## You\n\nQ\n\n## tiny\n\nA\n\n*(interrupted)*\n');
  });
});
