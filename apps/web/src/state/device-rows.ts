import { formatBytes, formatPlural, formatRate } from '../format/numbers.ts';
import { formatSpan } from '../format/time.ts';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** Where a figure comes from, which decides how far to trust it. */
export type FactSource = 'told' | 'measured' | 'pledged';

/** One line of the device card. */
export interface DeviceRow {
  readonly name: string;
  readonly value: string;
  /** Null where there is no figure yet. */
  readonly source: FactSource | null;
  readonly allows: string;
}

/** Figures that were measured, where they have been. */
export interface DeviceMeasurements {
  readonly roundTripMs: number | null;
  readonly decodeTokensPerSecond: number;
  readonly variant: string | null;
}

export function deviceRows(probe: DeviceProbe, measured: DeviceMeasurements): DeviceRow[] {
  return [
    processorRow(probe),
    speedRow(measured),
    memoryRow(probe),
    gpuRow(probe),
    storageRow(probe),
    connectionRow(measured),
  ];
}

function gpuRow({ graphics }: DeviceProbe): DeviceRow {
  if (graphics === null) {
    return { name: 'GPU', value: 'None offered', source: 'told', allows: 'The processor computes instead.' };
  }
  const { vendor, architecture, description, isFallback } = graphics;
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'Unnamed';
  return {
    name: 'GPU',
    value: isFallback ? `${name} (software)` : name,
    source: 'told',
    allows: isFallback
      ? 'Slower than the processor, so the processor computes.'
      : 'Not used by this version: the processor computes.',
  };
}

const memoryRow = ({ memoryBytes }: DeviceProbe): DeviceRow => ({
  name: 'Memory',
  value: memoryBytes === null ? 'Not told' : `${Math.round(memoryBytes / 1024 ** 3)} GB or more`,
  source: memoryBytes === null ? null : 'told',
  allows:
    memoryBytes === null
      ? 'Small models are tried; a tab that runs out says so.'
      : 'Browsers round this down, so there may be more.',
});

const processorRow = ({ cores, kernels }: DeviceProbe): DeviceRow => ({
  name: 'Processor',
  value: formatPlural(cores, 'thread'),
  source: 'told',
  allows:
    kernels === null
      ? 'No WebAssembly SIMD here, so it cannot compute. An update brings it.'
      : `One computes beside the page (${kernels}), the rest stay free.`,
});

const speedRow = ({ decodeTokensPerSecond, variant }: DeviceMeasurements): DeviceRow => ({
  name: 'Speed',
  value: decodeTokensPerSecond > 0 ? `${formatRate(decodeTokensPerSecond)} tokens/s` : 'Not measured yet',
  source: decodeTokensPerSecond > 0 ? 'measured' : null,
  allows:
    decodeTokensPerSecond > 0
      ? `One answer alone${variant === null ? '' : `, ${variant} build`}. People read at about 5.`
      : 'The self-test measures it.',
});

function storageRow({ storage }: DeviceProbe): DeviceRow {
  if (storage === null) {
    return { name: 'Storage', value: 'Not told', source: null, allows: 'Weights may be fetched again at each start.' };
  }
  return {
    name: 'Storage',
    value: `${formatBytes(Math.max(0, storage.quotaBytes - storage.usedBytes))} free`,
    source: 'told',
    allows: storage.persisted
      ? 'Weights stay here between visits.'
      : 'Weights stay here unless the browser needs the room.',
  };
}

const connectionRow = ({ roundTripMs }: DeviceMeasurements): DeviceRow => ({
  name: 'Connection',
  value: roundTripMs === null ? 'Not measured yet' : `${formatSpan(roundTripMs)} to the relay and back`,
  source: roundTripMs === null ? null : 'measured',
  allows: 'Answers are text: any connection will do.',
});
