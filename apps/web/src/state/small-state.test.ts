import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createApiKeyState } from './api-key.ts';
import { deviceRows } from './device-rows.ts';
import { readGiven } from './given.ts';
import { modelFit } from './model-fit.ts';
import { REFERENCE_PROBE } from './reference-device.fixture.ts';
import { PLACES, createSettings } from './settings.ts';
import { catalogEntry } from './site-node.fixture.ts';
import { exportFileName, exportMarkdown, titleFrom } from './transcript.ts';
import type { CatalogEntry } from '@opengateway/core';
import type { DeviceProbe } from '@opengateway/gpu-worker';
import type { DeviceKnowledge, DeviceRow } from './device-rows.ts';

const probe: DeviceProbe = {
  ...REFERENCE_PROBE,
  cores: 8,
  storage: { quotaBytes: 10e9, usedBytes: 1e9, persisted: false },
  graphics: null,
};

const lent = { servingNow: false, memoryBytes: 4 * 1024 ** 3, storageBytes: null };

const storageOf = (items: Record<string, string> = {}) => ({
  getItem: (key: string) => items[key] ?? null,
  setItem: (key: string, value: string) => void (items[key] = value),
  removeItem: (key: string) => void delete items[key],
  items,
});

describe('model fit', () => {
  it('says why a model is ready, possible or not', () => {
    expect(modelFit(catalogEntry, probe, { ...lent, servingNow: true }).verdict).toBe('ready');
    expect(modelFit(catalogEntry, probe, lent).verdict).toBe('possible');
    expect(modelFit({ ...catalogEntry, bytes: 5e9 }, probe, lent)).toMatchObject({
      verdict: 'part',
      reason: expect.stringContaining('you pledged 4.3 GB'),
    });
    expect(modelFit({ ...catalogEntry, bytes: 5e9 }, probe, { ...lent, memoryBytes: 8e9 }).reason).toContain(
      'at most 4.3 GB',
    );
    expect(modelFit(catalogEntry, { ...probe, kernels: null }, lent).verdict).toBe('not-possible');
    const full = { ...probe, storage: { quotaBytes: 5e6, usedBytes: 0, persisted: false } };
    expect(modelFit(catalogEntry, full, lent).reason).toContain('98 MB storage');
    expect(modelFit(catalogEntry, probe, { ...lent, storageBytes: 50e6 }).reason).toContain('at every start');
    const compiled = { ...catalogEntry, package: { prebuilt: 'x' } } as CatalogEntry;
    expect(modelFit(compiled, probe, lent).reason).toContain('Compiled for GPUs');
  });

  it('says how much of a model fits what is lent, where it does not as a whole', () => {
    expect(modelFit(catalogEntry, probe, { ...lent, memoryBytes: 125e6 })).toEqual({
      verdict: 'part',
      reason: 'The whole model needs 182 MB memory; you pledged 125 MB. About 12 of its 30 layers fit.',
    });
    const little = modelFit(catalogEntry, { ...probe, memoryBytes: 64 * 1024 ** 2 }, lent);
    expect(little.verdict).toBe('not-possible');
    expect(little.reason).toContain('the browser tells of 67 MB. Not even one of its 30 layers fits.');
  });

  it('asks for all of a compiled package', () => {
    const gpu = { isSoftware: false } as NonNullable<DeviceProbe['graphics']>;
    const compiled = { ...catalogEntry, package: { prebuilt: 'x' } } as CatalogEntry;
    const fit = modelFit(compiled, { ...probe, graphics: gpu }, { ...lent, memoryBytes: 125e6 });
    expect(fit.verdict).toBe('not-possible');
  });
});

const known: DeviceKnowledge = {
  roundTripMs: 4,
  decodeTokensPerSecond: 120,
  variant: 'relaxed-simd',
  measurement: null,
  model: catalogEntry,
  pledgedThreads: 7,
  pledgedMemoryBytes: 4e9,
  onBattery: null,
};

const facts = (rows: readonly DeviceRow[]) => rows.map(({ name, source }) => `${name} ${source}`);

describe('device rows', () => {
  it('tell every figure with its source, and nothing that is not known', () => {
    expect(facts(deviceRows(probe, known))).toEqual([
      'GPU told',
      'Processor told',
      'Speed measured',
      'Memory told',
      'Lent pledged',
      'Storage told',
      'Connection measured',
    ]);
    const unknown = deviceRows(
      { ...probe, memoryBytes: null, storage: null },
      { ...known, roundTripMs: null, decodeTokensPerSecond: 0, variant: null },
    );
    expect(unknown.filter(({ source }) => source === null).map(({ name }) => name)).toEqual([
      'Speed',
      'Memory',
      'Storage',
      'Connection',
    ]);
  });

  it('tell what was measured before a model is loaded, and what to expect of one', () => {
    const rows = deviceRows(
      {
        ...probe,
        graphics: {
          vendor: 'nvidia',
          architecture: 'ampere',
          description: '',
          isFallback: false,
          isSoftware: false,
          features: ['shader-f16'],
          maxBufferBytes: 4e9,
          maxBindingBytes: 2e9,
        },
      },
      {
        ...known,
        decodeTokensPerSecond: 0,
        onBattery: true,
        measurement: {
          memoryBandwidthBytesPerSecond: 12e9,
          graphics: { memoryBytes: 4e9, moreLeft: true, bandwidthBytesPerSecond: 300e9 },
          engines: [
            { engine: 'webgpu', variant: 'f32', weightBytesPerSecond: 98e9, prefillTokensPerSecond: 1 },
            { engine: 'wasm', variant: 'relaxed-simd', weightBytesPerSecond: 9.8e9, prefillTokensPerSecond: 1 },
          ],
          failed: [],
          elapsedMs: 900,
        },
      },
    );
    expect(facts(rows)).toContain('GPU memory measured');
    expect(rows.find(({ name }) => name === 'GPU memory')?.value).toBe('4.0 GB or more');
    const speeds = rows.filter(({ name }) => name === 'Speed').map(({ allows }) => allows);
    expect(speeds[0]).toContain('about 1,000 tokens/s of Tiny');
    expect(speeds[1]).toContain('about 100 tokens/s of Tiny');
    expect(facts(rows)).toEqual(expect.arrayContaining(['Bandwidth measured', 'Power told']));
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
    createSettings(storage).place.value = 'direct';
    const again = createSettings(storage);
    expect([again.place.value, again.pauseOnBattery.value, again.model.value]).toEqual(['direct', true, null]);
  });

  it('still let nothing leave the device where an earlier version was told so', () => {
    const storage = storageOf({ 'opengateway-settings': '{"deviceOnly":true}' });
    expect(createSettings(storage).place.value).toBe('device');
    createSettings(storage).place.value = 'relay';
    expect(createSettings(storage).place.value).toBe('relay');
    expect(createSettings(storageOf({ 'opengateway-settings': '{"deviceOnly":false}' })).place.value).toBe('relay');
  });

  it('fall back to the defaults for anything else in the store', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const settings = createSettings(storageOf({ 'opengateway-settings': text }));
        expect(PLACES).toContain(settings.place.value);
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
