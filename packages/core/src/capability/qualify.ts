import type { CapabilityName, CapabilityProfile, FigureSource } from './profile.ts';
import { BYTES_PER_GB, TIER_TABLE, TIERS } from './tiers.ts';
import type { Tier } from './tiers.ts';

/** One thing a tier needs, beside what the device has of it. */
export interface TierNeed {
  readonly capability: CapabilityName;
  /** Cores, or GB. */
  readonly needed: number;
  /** In the same unit; null where it is not known. */
  readonly has: number | null;
  readonly source: FigureSource | null;
  readonly met: boolean;
}

/** Whether a device may serve a tier's models, and why not. */
export interface TierVerdict {
  readonly tier: Tier;
  readonly qualified: boolean;
  /** Everything that keeps it out, in plain words: `needs 48 GB GPU memory, has 24`; empty where it qualifies. */
  readonly reasons: readonly string[];
  /** What would serve better, in plain words; keeps nobody out. */
  readonly advice: readonly string[];
  readonly needs: readonly TierNeed[];
}

/** Every tier, from small to large, with what speaks against it: a device joins all of those it qualifies for. */
export const qualify = (profile: CapabilityProfile): readonly TierVerdict[] =>
  TIERS.map((tier) => {
    const needs = needsOf(tier, profile);
    const unmet = needs.filter(({ met }) => !met);
    return { tier, qualified: unmet.length === 0, reasons: unmet.map(reason), advice: advice(tier, profile), needs };
  });

/** The tiers that a device qualifies for, from small to large. */
export const qualifiedTiers = (profile: CapabilityProfile): readonly Tier[] =>
  qualify(profile).flatMap(({ tier, qualified }) => (qualified ? [tier] : []));

function needsOf(tier: Tier, profile: CapabilityProfile): TierNeed[] {
  const { cores, memoryGb, graphicsMemoryGb, diskGb } = TIER_TABLE[tier].minimum;
  return [
    need('cores', cores, profile),
    need('memoryBytes', memoryGb, profile),
    need('graphicsMemoryBytes', graphicsMemoryGb, profile),
    need('diskBytes', diskGb, profile),
  ].filter(({ needed }) => needed > 0);
}

function need(capability: CapabilityName, needed: number, profile: CapabilityProfile): TierNeed {
  const figure = profile[capability];
  const has = figure === null ? null : figure.value / UNITS[capability].size;
  return { capability, needed, has, source: figure?.source ?? null, met: has !== null && has >= needed };
}

const reason = ({ capability, needed, has }: TierNeed): string =>
  `needs ${amount(capability, needed)}, ${has === null ? 'not known here' : `has ${rounded(has)}`}`;

function advice(tier: Tier, profile: CapabilityProfile): string[] {
  const recommended = TIER_TABLE[tier].recommendedGraphicsMemoryGb;
  const { met, has } = need('graphicsMemoryBytes', recommended, profile);
  if (recommended === 0 || met) return [];
  const known = has === null ? 'not known here' : `has ${rounded(has)}`;
  return [`${amount('graphicsMemoryBytes', recommended)} recommended, ${known}`];
}

const UNITS: Readonly<Record<CapabilityName, { readonly size: number; readonly words: string }>> = {
  cores: { size: 1, words: 'cores' },
  memoryBytes: { size: BYTES_PER_GB, words: 'GB memory' },
  graphicsMemoryBytes: { size: BYTES_PER_GB, words: 'GB GPU memory' },
  diskBytes: { size: BYTES_PER_GB, words: 'GB disk' },
};

const amount = (capability: CapabilityName, value: number): string => `${value} ${UNITS[capability].words}`;

/** One decimal, downwards: what falls short never reads as enough. */
const rounded = (value: number): string => String(Math.floor(value * 10) / 10);
