/** How a figure is known: measured here, told by the host (browsers round and cap), or the person's word. */
export const FIGURE_SOURCES = ['measured', 'told', 'pledged'] as const;
export type FigureSource = (typeof FIGURE_SOURCES)[number];

/** One figure of a device, with where it comes from. */
export interface Figure {
  readonly value: number;
  readonly source: FigureSource;
}

/** What a device has; null where nobody said. */
export interface CapabilityProfile {
  /** Logical processors. */
  readonly cores: Figure | null;
  readonly memoryBytes: Figure | null;
  /** 0 where there is no GPU of its own. */
  readonly graphicsMemoryBytes: Figure | null;
  /** What may be kept on disk for models, those that lie there already included. */
  readonly diskBytes: Figure | null;
}

export type CapabilityName = keyof CapabilityProfile;

/** What a person says the device has, or may keep. */
export interface CapabilityPledge {
  /** What the device has, not the share of it that is lent. */
  readonly memoryBytes?: number | undefined;
  /** What the GPU has, not the share of it that is lent. */
  readonly graphicsMemoryBytes?: number | undefined;
  /** Most that may be kept here. */
  readonly diskBytes?: number | undefined;
}

/** The parts of a probe's facts and measurements that a profile is made of. */
export interface ProfileFacts {
  readonly device: {
    readonly cores: number;
    readonly memoryBytes: number | null;
    readonly storage: { readonly quotaBytes: number } | null;
    readonly graphics: { readonly isSoftware: boolean } | null;
  };
  /** Absent or null before anything was measured. */
  readonly measurement?: {
    /** Null where none was found, or its memory could not be measured. */
    readonly graphics: { readonly memoryBytes: number; readonly moreLeft: boolean } | null;
  } | null;
  readonly pledge?: CapabilityPledge;
}

/**
 * What is known of a device, each figure with its source.
 *
 * Of memory the larger of what is told and what is pledged counts, as browsers stop at 8 GiB; of GPU memory never
 * more than a measurement that came to its end; of the disk the smaller, as the host enforces its quota and the
 * person the pledge.
 */
export function profileOf({ device, measurement, pledge = {} }: ProfileFacts): CapabilityProfile {
  return {
    cores: told(device.cores),
    memoryBytes: larger(told(device.memoryBytes), pledged(pledge.memoryBytes)),
    graphicsMemoryBytes: graphicsMemory(device, measurement?.graphics ?? null, pledged(pledge.graphicsMemoryBytes)),
    diskBytes: smaller(told(device.storage?.quotaBytes), pledged(pledge.diskBytes)),
  };
}

function graphicsMemory(
  { graphics }: ProfileFacts['device'],
  measured: { readonly memoryBytes: number; readonly moreLeft: boolean } | null,
  pledge: Figure | null,
): Figure | null {
  if (measured !== null) {
    const found: Figure = { value: measured.memoryBytes, source: 'measured' };
    return measured.moreLeft ? larger(found, pledge) : found;
  }
  // A GPU that the processor only plays has no memory of its own, whatever is said of it.
  const none: Figure = { value: 0, source: 'told' };
  if (graphics?.isSoftware === true) return none;
  return pledge ?? (graphics === null ? none : null);
}

const told = (value: number | null | undefined): Figure | null =>
  value === null || value === undefined ? null : { value, source: 'told' };

const pledged = (value: number | undefined): Figure | null =>
  value === undefined ? null : { value, source: 'pledged' };

const larger = (a: Figure | null, b: Figure | null): Figure | null =>
  a === null || (b !== null && b.value > a.value) ? b : a;

const smaller = (a: Figure | null, b: Figure | null): Figure | null =>
  a === null || (b !== null && b.value < a.value) ? b : a;
