import { formatBytes, formatPlural, formatRate } from '../format/numbers.ts';
import { formatSpan } from '../format/time.ts';
import type { DeviceFacts, FactSource } from './device-facts.ts';

/** One line of the device card. */
export interface DeviceRow {
  readonly name: string;
  readonly value: string;
  readonly source: FactSource | null;
  readonly allows: string;
}

/** Figures that were measured, where they have been. */
export interface DeviceMeasurements {
  readonly roundTripMs: number | null;
  readonly decodeTokensPerSecond: number;
  readonly variant: string | null;
}

export function deviceRows(facts: DeviceFacts, measured: DeviceMeasurements): DeviceRow[] {
  return [
    gpuRow(facts),
    memoryRow(facts),
    processorRow(facts),
    speedRow(measured),
    storageRow(facts),
    connectionRow(facts, measured),
  ];
}

function gpuRow({ gpu }: DeviceFacts): DeviceRow {
  if (gpu === null) {
    return { name: 'GPU', value: 'None offered', source: 'told', allows: 'The processor computes instead.' };
  }
  return {
    name: 'GPU',
    value: gpu.software ? `${gpu.name} (software)` : gpu.name,
    source: 'told',
    allows: gpu.software
      ? 'Slower than the processor itself, so the processor computes.'
      : 'Not used by this version: the processor computes.',
  };
}

const memoryRow = ({ memoryBytes }: DeviceFacts): DeviceRow => ({
  name: 'Memory',
  value: memoryBytes === null ? 'Not told' : `${Math.round(memoryBytes / 1024 ** 3)} GB or more`,
  source: memoryBytes === null ? null : 'told',
  allows:
    memoryBytes === null
      ? 'Small models are tried; a tab that runs out says so.'
      : 'Browsers round this down, so there may be more.',
});

const processorRow = ({ threads }: DeviceFacts): DeviceRow => ({
  name: 'Processor',
  value: threads === null ? 'Not told' : formatPlural(threads, 'thread'),
  source: threads === null ? null : 'told',
  allows: 'One thread computes beside the page, the rest stay free.',
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

function storageRow({ storage }: DeviceFacts): DeviceRow {
  if (storage === null) {
    return { name: 'Storage', value: 'Not told', source: null, allows: 'Weights may be fetched again at each start.' };
  }
  return {
    name: 'Storage',
    value: `${formatBytes(Math.max(0, storage.quotaBytes - storage.usedBytes))} free`,
    source: 'told',
    allows: storage.lasting
      ? 'Weights stay here between visits.'
      : 'Weights stay here unless the browser needs the room.',
  };
}

const connectionRow = ({ connection }: DeviceFacts, { roundTripMs }: DeviceMeasurements): DeviceRow => ({
  name: 'Connection',
  value: roundTripMs === null ? (connection ?? 'Not measured yet') : `${formatSpan(roundTripMs)} to the relay and back`,
  source: roundTripMs === null ? (connection === null ? null : 'told') : 'measured',
  allows:
    connection === null || roundTripMs === null
      ? 'Answers are text: any connection will do.'
      : `Downloads at ${connection} (told).`,
});
