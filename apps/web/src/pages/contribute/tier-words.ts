import { BYTES_PER_GB, TIER_TABLE } from '@opengateway/core';
import { formatBytes, formatCount } from '../../format/numbers.ts';
import type { CapabilityName, CapabilityProfile, TierVerdict } from '@opengateway/core';

/** Columns of the tiers, in the order people compare devices by. */
export const CAPABILITIES: readonly { readonly name: CapabilityName; readonly words: string }[] = [
  { name: 'cores', words: 'Cores' },
  { name: 'memoryBytes', words: 'Memory' },
  { name: 'graphicsMemoryBytes', words: 'GPU memory' },
  { name: 'diskBytes', words: 'Disk' },
];

/** Whether a device may serve a tier; `unknown`: nothing speaks against it but what nobody told. */
export type TierAnswer = 'yes' | 'no' | 'unknown';

export function tierAnswer({ qualified, needs }: Pick<TierVerdict, 'qualified' | 'needs'>): TierAnswer {
  if (qualified) return 'yes';
  return needs.every(({ met, has }) => met || has === null) ? 'unknown' : 'no';
}

export const ANSWER_WORDS: Readonly<Record<TierAnswer, { readonly words: string; readonly tone: string }>> = {
  yes: { words: 'yes', tone: 'good' },
  no: { words: 'no', tone: 'warning' },
  unknown: { words: 'not known', tone: 'plain' },
};

/** What a tier asks of one capability: `16 or more`, `48 GB`, `any`. */
export function neededWords({ needs }: Pick<TierVerdict, 'needs'>, name: CapabilityName): string {
  const need = needs.find(({ capability }) => capability === name);
  if (need === undefined) return 'any';
  return name === 'cores' ? `${need.needed} or more` : `${need.needed} GB`;
}

/** Whether a need is met; null where there is none or the device's figure is not known. */
export function isMet({ needs }: Pick<TierVerdict, 'needs'>, name: CapabilityName): boolean | null {
  const need = needs.find(({ capability }) => capability === name);
  return need === undefined || need.has === null ? null : need.met;
}

/** What the device has: `16`, `64 GB`, `not known`. */
export function hasWords(profile: CapabilityProfile, name: CapabilityName): string {
  const figure = profile[name];
  if (figure === null) return 'not known';
  if (name === 'cores') return formatCount(figure.value);
  if (figure.value === 0) return 'none';
  return formatBytes(figure.value);
}

/** Models that belong to a tier, for people. */
export const examplesOf = ({ tier }: Pick<TierVerdict, 'tier'>): string => TIER_TABLE[tier].examples;

/** Together on disk: what the models chosen need, against what may be kept. */
export function diskWords(bytes: number, models: number, diskBytes: number | null): string {
  const together = `${models} models, ${formatBytes(bytes)} together.`;
  if (diskBytes === null || bytes <= diskBytes)
    return `${together} The first is loaded at the start, the others when they are asked for.`;
  return `${together} That is more than the ${formatBytes(diskBytes)} that may be kept here: the one used longest ago makes room. Lend more storage, or choose fewer.`;
}

/** What a person may pledge of memory, in bytes. */
export const HAS_CHOICES: readonly number[] = [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256].map(
  (gigabytes) => gigabytes * BYTES_PER_GB,
);
