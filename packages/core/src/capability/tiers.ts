/** Classes of models by what a node needs for them, from small to large. */
export const TIERS = ['starter', 'model-a', 'model-b', 'model-c', 'model-d'] as const;
export type Tier = (typeof TIERS)[number];

/** Decimal, as disks and browsers count: a machine sold with 8 GB tells 8.2e9 bytes when its system has taken its part. */
export const BYTES_PER_GB = 1e9;

/** What a tier asks of a node: cores, and GB of everything else; 0 where any amount will do. */
export interface TierNeeds {
  readonly cores: number;
  readonly memoryGb: number;
  readonly graphicsMemoryGb: number;
  readonly diskGb: number;
}

export interface TierRow {
  readonly name: string;
  /** Models that belong there, for people. */
  readonly examples: string;
  readonly minimum: TierNeeds;
  /** GB without which it works, but slowly; 0 for none. */
  readonly recommendedGraphicsMemoryGb: number;
  /** A model of which nothing is said belongs to the first tier whose limit its weights stay below. */
  readonly largestModelGb: number;
}

/** Minimums per tier; no column ever falls from one row to the next. */
export const TIER_TABLE: Readonly<Record<Tier, TierRow>> = {
  starter: {
    name: 'Starter',
    examples: 'SmolLM2 135M, up to about 1B',
    minimum: { cores: 0, memoryGb: 2, graphicsMemoryGb: 0, diskGb: 0.5 },
    recommendedGraphicsMemoryGb: 0,
    largestModelGb: 1.5,
  },
  'model-a': {
    name: 'Model A',
    examples: 'Llama 3.1 8B, Phi-3 Mini',
    minimum: { cores: 4, memoryGb: 8, graphicsMemoryGb: 0, diskGb: 20 },
    recommendedGraphicsMemoryGb: 0,
    largestModelGb: 6,
  },
  'model-b': {
    name: 'Model B',
    examples: 'Mistral 7B, Gemma 7B',
    minimum: { cores: 4, memoryGb: 12, graphicsMemoryGb: 0, diskGb: 30 },
    recommendedGraphicsMemoryGb: 8,
    largestModelGb: 10,
  },
  'model-c': {
    name: 'Model C',
    examples: 'Llama 3.1 70B, Mixtral 8x7B',
    minimum: { cores: 8, memoryGb: 32, graphicsMemoryGb: 24, diskGb: 150 },
    recommendedGraphicsMemoryGb: 0,
    largestModelGb: 60,
  },
  'model-d': {
    name: 'Model D',
    examples: 'DeepSeek V3, Llama 3.1 405B',
    minimum: { cores: 16, memoryGb: 64, graphicsMemoryGb: 48, diskGb: 500 },
    recommendedGraphicsMemoryGb: 0,
    largestModelGb: Infinity,
  },
};

export const isTier = (value: string): value is Tier => (TIERS as readonly string[]).includes(value);

/** The tier of a model of which only the bytes of its weights are known. */
export const tierOfBytes = (bytes: number): Tier =>
  TIERS.find((tier) => bytes <= TIER_TABLE[tier].largestModelGb * BYTES_PER_GB) ?? 'model-d';

/** Of two tiers, below 0 where `a` is the smaller. */
export const compareTiers = (a: Tier, b: Tier): number => TIERS.indexOf(a) - TIERS.indexOf(b);
