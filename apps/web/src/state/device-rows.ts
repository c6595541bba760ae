import { formatBytes, formatPlural, formatRate } from '../format/numbers.ts';
import { engineWords } from '../format/names.ts';
import { formatSpan } from '../format/time.ts';
import type { CatalogEntry } from '@opengateway/core';
import type { DeviceMeasurement, DeviceProbe, EngineMeasurement } from '@opengateway/gpu-worker';

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

/** What is known of a device beside what it tells. */
export interface DeviceKnowledge {
  readonly roundTripMs: number | null;
  /** Of the model that is loaded, by its self-test; 0 before. */
  readonly decodeTokensPerSecond: number;
  readonly variant: string | null;
  readonly measurement: DeviceMeasurement | null;
  /** The model that would be served. */
  readonly model: Pick<CatalogEntry, 'name' | 'bytes'> | null;
  readonly pledgedThreads: number;
  readonly pledgedMemoryBytes: number;
  readonly onBattery: boolean | null;
}

export function deviceRows(probe: DeviceProbe, known: DeviceKnowledge): DeviceRow[] {
  return [
    gpuRow(probe, known),
    ...gpuMemoryRows(probe, known),
    processorRow(probe, known),
    ...speedRows(known),
    memoryRow(probe),
    lentRow(known),
    ...bandwidthRows(known),
    storageRow(probe),
    connectionRow(probe, known),
    ...batteryRows(known),
  ];
}

function gpuRow({ graphics }: DeviceProbe, { measurement }: DeviceKnowledge): DeviceRow {
  if (graphics === null) {
    return { name: 'GPU', value: 'None offered', source: 'told', allows: 'The processor computes instead.' };
  }
  const { vendor, architecture, description, isSoftware, features } = graphics;
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'Unnamed';
  if (isSoftware) {
    const allows = 'Slower than the processor, so the processor computes.';
    return { name: 'GPU', value: `${name} (software)`, source: 'told', allows };
  }
  const failure = measurement?.failed.find(({ engine }) => engine === 'webgpu')?.reason;
  const extras = features.length > 0 ? ` Offers ${features.join(', ')}.` : '';
  return {
    name: 'GPU',
    value: name,
    source: 'told',
    allows:
      failure === undefined ? `Computes where it is faster than the processor.${extras}` : `Did not pass: ${failure}`,
  };
}

function gpuMemoryRows({ graphics }: DeviceProbe, { measurement }: DeviceKnowledge): DeviceRow[] {
  if (graphics === null || graphics.isSoftware) return [];
  const measured = measurement?.graphics;
  const buffer = `One buffer holds up to ${formatBytes(graphics.maxBufferBytes)} (told).`;
  if (!measured) return [{ name: 'GPU memory', value: 'Not measured yet', source: null, allows: buffer }];
  return [
    {
      name: 'GPU memory',
      value: `${formatBytes(measured.memoryBytes)}${measured.moreLeft ? ' or more' : ''}`,
      source: 'measured',
      allows: `Moves ${formatBytes(measured.bandwidthBytesPerSecond)} a second (measured). ${buffer}`,
    },
  ];
}

const processorRow = (
  { cores, kernels, wasmThreads }: DeviceProbe,
  { pledgedThreads }: DeviceKnowledge,
): DeviceRow => ({
  name: 'Processor',
  value: formatPlural(cores, 'thread'),
  source: 'told',
  allows:
    kernels === null
      ? 'No WebAssembly SIMD here, so it cannot compute. An update brings it.'
      : `${pledgedThreads} of them ${pledgedThreads === 1 ? 'computes' : 'compute'} beside the page (pledged; ${kernels})${
          wasmThreads ? '' : ': this page cannot share memory between threads'
        }.`,
});

function speedRows({ decodeTokensPerSecond, variant, measurement, model }: DeviceKnowledge): DeviceRow[] {
  if (decodeTokensPerSecond > 0) {
    const build = variant === null ? '' : `, ${variant}`;
    const value = `${formatRate(decodeTokensPerSecond)} tokens/s`;
    return [{ name: 'Speed', value, source: 'measured', allows: `One answer alone${build}. People read at about 5.` }];
  }
  const measured = measurement?.engines ?? [];
  if (measured.length === 0) {
    const allows = 'Measured before the first start, in at most 3 s.';
    return [{ name: 'Speed', value: 'Not measured yet', source: null, allows }];
  }
  return measured.map((engine) => speedRow(engine, model));
}

const speedRow = (
  { engine, variant, weightBytesPerSecond }: EngineMeasurement,
  model: DeviceKnowledge['model'],
): DeviceRow => ({
  name: 'Speed',
  value: `${formatBytes(weightBytesPerSecond)} of weights a second`,
  source: 'measured',
  allows: `${engineWords(engine)}, ${variant}${
    model === null ? '' : `: about ${formatRate(weightBytesPerSecond / model.bytes)} tokens/s of ${model.name}`
  }.`,
});

const memoryRow = ({ memoryBytes }: DeviceProbe): DeviceRow => ({
  name: 'Memory',
  value: memoryBytes === null ? 'Not told' : `${formatBytes(memoryBytes)} or more`,
  source: memoryBytes === null ? null : 'told',
  allows:
    memoryBytes === null
      ? 'Small models are tried; a tab that runs out says so.'
      : 'Browsers round this down, so there may be more.',
});

const lentRow = ({ pledgedMemoryBytes }: DeviceKnowledge): DeviceRow => ({
  name: 'Lent',
  value: `${formatBytes(pledgedMemoryBytes)} for models`,
  source: 'pledged',
  allows: 'Weights, running answers and the engine’s own room.',
});

const bandwidthRows = ({ measurement }: DeviceKnowledge): DeviceRow[] =>
  measurement === null
    ? []
    : [
        {
          name: 'Bandwidth',
          value: `${formatBytes(measurement.memoryBandwidthBytesPerSecond)} a second`,
          source: 'measured',
          allows: 'Of memory, by one thread: what writing an answer is bound by.',
        },
      ];

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

function connectionRow({ connection }: DeviceProbe, { roundTripMs }: DeviceKnowledge): DeviceRow {
  const told = [connection?.type, connection?.downlinkMbps ? `${connection.downlinkMbps} Mbit/s` : null].filter(
    Boolean,
  );
  return {
    name: 'Connection',
    value: roundTripMs === null ? 'Not measured yet' : `${formatSpan(roundTripMs)} to the relay and back`,
    source: roundTripMs === null ? null : 'measured',
    allows: `Answers are text: any connection will do.${told.length > 0 ? ` The browser tells of ${told.join(', ')}.` : ''}${
      connection?.saveData ? ' It asks to save data: weights are the large part.' : ''
    }`,
  };
}

const batteryRows = ({ onBattery }: DeviceKnowledge): DeviceRow[] =>
  onBattery === null
    ? []
    : [
        {
          name: 'Power',
          value: onBattery ? 'On battery' : 'Plugged in',
          source: 'told',
          allows: onBattery ? 'Computing empties it; your limits decide.' : 'As long as you like.',
        },
      ];
