import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entryTier } from '../bootstrap.ts';
import { clusterName, clusterTopic } from './cluster.ts';
import { profileOf } from './profile.ts';
import type { CapabilityName, CapabilityProfile, Figure } from './profile.ts';
import { qualifiedTiers, qualify } from './qualify.ts';
import { BYTES_PER_GB, compareTiers, isTier, TIER_TABLE, tierOfBytes, TIERS } from './tiers.ts';
import type { TierNeeds } from './tiers.ts';

const gb = (value: number): number => value * BYTES_PER_GB;
const told = (value: number): Figure => ({ value, source: 'told' });

const MANILA: CapabilityProfile = {
  cores: told(16),
  memoryBytes: { value: gb(64), source: 'pledged' },
  graphicsMemoryBytes: { value: gb(24), source: 'measured' },
  diskBytes: told(gb(1000)),
};
const verdictOn = (tier: (typeof TIERS)[number], profile: CapabilityProfile) =>
  qualify(profile).find((verdict) => verdict.tier === tier);

interface DrawnGb {
  readonly cores: number | null;
  readonly memory: number | null;
  readonly graphics: number | null;
  readonly disk: number | null;
}
const toldGb = (value: number | null): Figure | null => (value === null ? null : told(gb(value)));
const toProfile = ({ cores, memory, graphics, disk }: DrawnGb): CapabilityProfile => ({
  cores: cores === null ? null : told(cores),
  memoryBytes: toldGb(memory),
  graphicsMemoryBytes: toldGb(graphics),
  diskBytes: toldGb(disk),
});

describe('qualify', () => {
  it('gives 16 cores, 64 GB, 24 GB of GPU memory and 1 TB every tier but the largest', () => {
    expect(qualifiedTiers(MANILA)).toEqual(['starter', 'model-a', 'model-b', 'model-c']);
    expect(verdictOn('model-d', MANILA)?.reasons).toEqual(['needs 48 GB GPU memory, has 24']);
  });

  it('says of each figure what it is and where it comes from', () => {
    expect(verdictOn('model-c', MANILA)?.needs).toEqual([
      { capability: 'cores', needed: 8, has: 16, source: 'told', met: true },
      { capability: 'memoryBytes', needed: 32, has: 64, source: 'pledged', met: true },
      { capability: 'graphicsMemoryBytes', needed: 24, has: 24, source: 'measured', met: true },
      { capability: 'diskBytes', needed: 150, has: 1000, source: 'told', met: true },
    ]);
  });

  it('names everything that is missing', () => {
    const laptop: CapabilityProfile = {
      cores: told(2),
      memoryBytes: told(gb(7.96)),
      graphicsMemoryBytes: told(0),
      diskBytes: told(gb(10)),
    };
    expect(qualifiedTiers(laptop)).toEqual(['starter']);
    expect(verdictOn('model-a', laptop)?.reasons).toEqual([
      'needs 4 cores, has 2',
      'needs 8 GB memory, has 7.9',
      'needs 20 GB disk, has 10',
    ]);
  });

  it('takes what is not known for too little, and says that it is not known', () => {
    const silent: CapabilityProfile = { ...MANILA, memoryBytes: null, graphicsMemoryBytes: null };
    expect(verdictOn('starter', silent)?.reasons).toEqual(['needs 2 GB memory, not known here']);
    expect(verdictOn('model-c', silent)?.reasons).toEqual([
      'needs 32 GB memory, not known here',
      'needs 24 GB GPU memory, not known here',
    ]);
  });

  it('recommends a GPU where one helps, and keeps nobody out for want of it', () => {
    const small: CapabilityProfile = { ...MANILA, graphicsMemoryBytes: told(gb(4)) };
    expect(verdictOn('model-b', small)).toMatchObject({
      qualified: true,
      advice: ['8 GB GPU memory recommended, has 4'],
    });
    expect(verdictOn('model-b', MANILA)?.advice).toEqual([]);
    expect(verdictOn('model-b', { ...MANILA, graphicsMemoryBytes: null })?.advice).toEqual([
      '8 GB GPU memory recommended, not known here',
    ]);
  });

  it('never takes a tier away for more of anything', () => {
    const figure = fc.option(fc.integer({ min: 0, max: 2_000 }));
    const profile = fc.record({ cores: figure, memory: figure, graphics: figure, disk: figure });
    const names: CapabilityName[] = ['cores', 'memoryBytes', 'graphicsMemoryBytes', 'diskBytes'];
    fc.assert(
      fc.property(profile, fc.constantFrom(...names), fc.integer({ min: 0, max: 1e12 }), (drawn, name, more) => {
        const before = toProfile(drawn);
        const after = { ...before, [name]: told((before[name]?.value ?? 0) + more) };
        const kept = new Set(qualifiedTiers(after));
        expect(qualifiedTiers(before).every((tier) => kept.has(tier))).toBe(true);
      }),
    );
  });

  it('gives a reason for exactly the tiers that are refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 1_000 }), (cores, size) => {
        const profile = { ...MANILA, cores: told(cores), memoryBytes: told(gb(size)), diskBytes: told(gb(size)) };
        for (const { qualified, reasons } of qualify(profile)) expect(reasons.length === 0).toBe(qualified);
      }),
    );
  });
});

describe('profileOf', () => {
  const device = { cores: 8, memoryBytes: 8 * 2 ** 30, storage: { quotaBytes: gb(200) }, graphics: null };

  it('takes what the host tells where nothing else is known', () => {
    expect(profileOf({ device })).toEqual({
      cores: told(8),
      memoryBytes: told(8 * 2 ** 30),
      graphicsMemoryBytes: told(0),
      diskBytes: told(gb(200)),
    });
  });

  it('leaves unknown what nobody says', () => {
    const silent = { cores: 4, memoryBytes: null, storage: null, graphics: { isSoftware: false } };
    expect(profileOf({ device: silent })).toEqual({
      cores: told(4),
      memoryBytes: null,
      graphicsMemoryBytes: null,
      diskBytes: null,
    });
  });

  it('takes a pledge above what a browser rounds down, and below what may be kept', () => {
    const pledge = { memoryBytes: gb(64), diskBytes: gb(50) };
    expect(profileOf({ device, pledge })).toMatchObject({
      memoryBytes: { value: gb(64), source: 'pledged' },
      diskBytes: { value: gb(50), source: 'pledged' },
    });
    expect(profileOf({ device, pledge: { memoryBytes: gb(1), diskBytes: gb(900) } })).toMatchObject({
      memoryBytes: { source: 'told' },
      diskBytes: { value: gb(200), source: 'told' },
    });
  });

  it.each([
    [{ memoryBytes: gb(24), moreLeft: false }, gb(48), { value: gb(24), source: 'measured' }],
    [{ memoryBytes: gb(4), moreLeft: true }, gb(24), { value: gb(24), source: 'pledged' }],
    [{ memoryBytes: gb(4), moreLeft: true }, gb(2), { value: gb(4), source: 'measured' }],
    [{ memoryBytes: gb(4), moreLeft: true }, undefined, { value: gb(4), source: 'measured' }],
    [null, gb(24), { value: gb(24), source: 'pledged' }],
  ])('has of a GPU measured as %j with %s pledged %j', (graphics, pledged, expected) => {
    const facts = { device: { ...device, graphics: { isSoftware: false } }, measurement: { graphics } };
    expect(profileOf({ ...facts, pledge: { graphicsMemoryBytes: pledged } }).graphicsMemoryBytes).toEqual(expected);
  });

  it('believes no pledge of a GPU that the processor plays', () => {
    const facts = { device: { ...device, graphics: { isSoftware: true } }, pledge: { graphicsMemoryBytes: gb(24) } };
    expect(profileOf(facts).graphicsMemoryBytes).toEqual(told(0));
  });
});

describe('tiers', () => {
  it('ask for no less than the tier before', () => {
    const rows = TIERS.map((tier) => TIER_TABLE[tier]);
    for (const [index, row] of rows.entries()) {
      const before = rows[index - 1];
      if (before === undefined) continue;
      const columns = Object.keys(row.minimum) as (keyof TierNeeds)[];
      for (const column of columns) expect(row.minimum[column]).toBeGreaterThanOrEqual(before.minimum[column]);
      expect(row.largestModelGb).toBeGreaterThan(before.largestModelGb);
    }
    expect(TIERS.toSorted(compareTiers)).toEqual(TIERS);
  });

  it('are told by the bytes of a model of which nothing else is said', () => {
    expect(tierOfBytes(98e6)).toBe('starter');
    expect(tierOfBytes(gb(4.9))).toBe('model-a');
    expect(tierOfBytes(gb(9))).toBe('model-b');
    expect(tierOfBytes(gb(42))).toBe('model-c');
    expect(tierOfBytes(gb(400))).toBe('model-d');
    expect(entryTier({ bytes: 98e6 })).toBe('starter');
    expect(entryTier({ bytes: 98e6, tier: 'model-c' })).toBe('model-c');
    expect(isTier('model-e')).toBe(false);
  });
});

describe('clusters', () => {
  it('are one per region and tier, each with a topic of its own', () => {
    expect(clusterName('asia', 'model-a')).toBe('asia-model-a');
    expect(clusterTopic('asia', 'model-a')).toBe('opengateway/1/asia-model-a/members');
  });
});
