import { describe, expect, it } from 'vitest';
import { modelsThatFit, qualify } from '@opengateway/core';
import { signal } from '@preact/signals';
import { capabilityOf, openFigures } from '../../state/capability.ts';
import { REFERENCE_PROBE } from '../../state/reference-device.fixture.ts';
import { catalogEntry } from '../../state/site-node.fixture.ts';
import { diskWords, hasWords, isMet, neededWords, tierAnswer } from './tier-words.ts';
import {
  givenWords,
  heldModelWords,
  keptWords,
  notKeptWords,
  roomBytes,
  smallerModel,
  storedWords,
  uploadLimitWords,
} from './weights-words.ts';

const said = (memory: number | null, graphics: number | null, disk: number | null = null) => ({
  deviceMemoryBytes: signal(memory),
  graphicsMemoryBytes: signal(graphics),
  storageBytes: signal(disk),
});

const modelOf = (gigabytes: number) => ({ ...catalogEntry, id: `m${gigabytes}`, bytes: gigabytes * 1e9 });

describe('tiers of a device', () => {
  it('count what a person says where the browser does not tell', () => {
    const profile = capabilityOf(REFERENCE_PROBE, null, said(64e9, 24e9));
    expect(hasWords(profile, 'memoryBytes')).toBe('64 GB');
    expect(profile.graphicsMemoryBytes?.source).toBe('pledged');
    expect(qualify(profile).map(tierAnswer)).toEqual(['yes', 'yes', 'yes', 'yes', 'no']);
  });

  it('say what nobody told instead of refusing', () => {
    const untold = { ...REFERENCE_PROBE, memoryBytes: null };
    const [starter] = qualify(capabilityOf(untold, null, said(null, null)));
    expect(tierAnswer(starter!)).toBe('unknown');
    expect([isMet(starter!, 'memoryBytes'), isMet(starter!, 'cores'), isMet(starter!, 'diskBytes')]).toEqual([
      null,
      null,
      true,
    ]);
    expect(['cores', 'memoryBytes', 'diskBytes'].map((name) => neededWords(starter!, name as 'cores'))).toEqual([
      'any',
      '2 GB',
      '0.5 GB',
    ]);
  });

  it('ask the person only for what is open', () => {
    expect(openFigures(REFERENCE_PROBE, null)).toEqual({ memory: true, graphicsMemory: true });
    expect(openFigures({ ...REFERENCE_PROBE, memoryBytes: 4 * 1024 ** 3, graphics: null }, null)).toEqual({
      memory: false,
      graphicsMemory: false,
    });
    const measured = {
      memoryBandwidthBytesPerSecond: 1,
      graphics: { memoryBytes: 6e9, moreLeft: false, bandwidthBytesPerSecond: 1 },
      engines: [],
      failed: [],
      elapsedMs: 1,
    };
    expect(openFigures(REFERENCE_PROBE, measured).graphicsMemory).toBe(false);
  });

  it('warn where all models together are more than may be kept', () => {
    expect(diskWords(5e9, 2, 10e9)).toContain('2 models, 5.0 GB together. The first is loaded');
    expect(diskWords(5e9, 2, 2e9)).toContain('more than the 2.0 GB that may be kept here');
  });
});

describe('a model that is held', () => {
  const held = { entry: catalogEntry, doneBytes: 34e6, totalBytes: 98e6, error: null };
  it('is on its way, on disk, in memory, or not held for a reason', () => {
    expect(heldModelWords({ ...held, state: 'fetching' })).toBe('Fetching: 34 of 98 MB');
    expect(heldModelWords({ ...held, state: 'disk' })).toContain('On disk, 98 MB');
    expect(heldModelWords({ ...held, state: 'memory' })).toBe('In memory, 98 MB');
    const error = { name: 'E', code: 'storage_full', message: 'No room.', retryable: false };
    expect(heldModelWords({ ...held, state: 'fetching', error })).toBe('Not held: No room.');
  });
});

describe('words about weights', () => {
  it('say what was given, to how many, how fast, and what holds it back', () => {
    expect(givenWords({ bytes: 0, peers: 0, bytesPerSecond: 0 })).toBe('to no peer yet');
    expect(givenWords({ bytes: 120e6, peers: 3, bytesPerSecond: 1.2e6 })).toBe('to 3 peers, now 1.2 MB/s');
    expect(givenWords({ bytes: 120e6, peers: 1, bytesPerSecond: 0 })).toBe('to 1 peer');
    expect(uploadLimitWords(true, 2_097_152)).toBe('at most 17 Mbit/s, all peers together');
    expect(uploadLimitWords(false, 1)).toContain('off');
  });

  it('say what lies here, of how much, and whether it stays', () => {
    const storage = { quotaBytes: 6.4e9, usedBytes: 0, persisted: false };
    expect(storedWords(98e6, 2e9, storage)).toBe('98 MB of the 2.0 GB you lend; the browser allows this site 6.4 GB');
    expect(storedWords(0, null, null)).toContain('does not say how much');
    expect(keptWords('refused', false)).toContain('asked to keep them and refused');
    expect(keptWords('unasked', true)).toContain('agreed');
    for (const answer of ['asking', 'granted', 'unasked', 'unavailable'] as const) {
      expect(keptWords(answer, null)).not.toBe('');
    }
  });

  it('say why nothing is kept, and offer the largest model that is smaller', () => {
    const failure = { name: 'E', code: 'storage_full', message: 'There is no room left.', retryable: false };
    expect(notKeptWords(failure)).toMatch(/^There is no room left\. .*smaller model\.$/);
    expect(notKeptWords({ ...failure, code: 'store_busy' })).not.toContain('smaller');
    const storage = { quotaBytes: 8e9, usedBytes: 2e9, persisted: null };
    expect([roomBytes(null, null), roomBytes(4e9, storage), roomBytes(null, storage)]).toEqual([Infinity, 4e9, 6e9]);
    const kept = modelsThatFit([1, 5, 3, 9].map(modelOf), roomBytes(null, storage));
    expect(smallerModel({ bytes: 9e9 }, kept, () => true)?.id).toBe('m5');
    expect(smallerModel({ bytes: 9e9 }, kept, ({ bytes }) => bytes < 4e9)?.id).toBe('m3');
    expect(smallerModel({ bytes: 1e9 }, kept, () => true)).toBeNull();
  });
});
