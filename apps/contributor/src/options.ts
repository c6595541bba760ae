import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BYTES_PER_GB, MAX_SERVED_MODELS, REGIONS, parseLayerRange } from '@opengateway/core';
import { DEFAULT_RELAY } from './constants.ts';
import { UsageError } from './errors.ts';
import type { LayerRange, Region } from '@opengateway/core';

export interface ContributeOptions {
  /** Origin of the relay, e.g. `http://127.0.0.1:8080/`. */
  readonly relay: string;
  /** Models to hold: the first is loaded at once. @default the first that the relay offers */
  readonly modelIds?: readonly string[];
  /** Region to join, whatever the address says. @default the region of the address */
  readonly region?: Region;
  readonly engine: 'wasm' | 'reference';
  /** Folder with one folder of weights per model id, read in place. */
  readonly models?: string;
  /** Keeps fetched weights. */
  readonly dataDirectory: string;
  readonly kvBudgetBytes?: number;
  /** Threads that compute. @default cores less one, at least 1 */
  readonly threads?: number;
  /** Lent to weights, cache and engine together. @default as much as the whole model needs */
  readonly memoryBytes?: number;
  /** Kept on disk at most, of all models. @default what the disk has room for */
  readonly storageBytes?: number;
  /** Layers to hold. @default all where they fit, else what is lacking most */
  readonly layers?: LayerRange;
  /** Of weights, to all other peers together. @default the network's */
  readonly uploadBytesPerSecond?: number;
  readonly json: boolean;
}

export const USAGE = `Lends this machine to a relay: loads a model, tests itself and answers requests.

npm run contribute -- [options]

  --relay URL          the relay to join (default ${DEFAULT_RELAY})
  --model ID[,ID...]   the models to hold: the first is loaded now, the others when somebody asks for them
                       (default: the first the relay offers)
  --region REGION      the region to join (default: that of this machine's address)
  --engine KIND        wasm or reference (default wasm)
  --layers A-B         hold layers A to B-1 of the model (default: all where they fit)
  --models DIR         read weights from DIR/<model id>/ where they are there, instead of fetching them
  --data-dir DIR       keep fetched weights here (default $DATA_DIR, else $XDG_CACHE_HOME/opengateway,
                       else ~/.cache/opengateway)
  --threads N          threads that compute (default: all processors but one)
  --memory-mb N        memory lent in all, in MiB: a first model that is larger is held in part (default: what it
                       needs, and 1024 for several)
  --storage-gb N       disk lent to models, in GB (default: what is free)
  --kv-budget-mb N     memory for running answers in MiB (default: the engine's)
  --upload-mbit N      weights sent to other peers in Mbit/s, all together (default: 17)
  --json               one JSON object per line instead of text
  --help               this text`;

const ENGINES = ['wasm', 'reference'] as const;
const MOST_MEMORY_MB = 1_048_576;
const MOST_THREADS = 1_024;
const MOST_UPLOAD_MBIT = 100_000;
const MOST_STORAGE_GB = 1_000_000;

/** Options from the command line, or `help`. @throws UsageError naming the option that is wrong. */
export function parseOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ContributeOptions | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const engine = ENGINES.find((kind) => kind === (values.engine ?? 'wasm'));
  if (engine === undefined) throw new UsageError(`--engine ${values.engine}: it is one of ${ENGINES.join(', ')}.`);
  return {
    relay: parseRelay(values.relay ?? DEFAULT_RELAY),
    engine,
    dataDirectory: resolve(values['data-dir'] ?? environment['DATA_DIR'] ?? cacheDirectory(environment)),
    json: values.json ?? false,
    ...(values.model === undefined ? {} : { modelIds: parseModels(values.model) }),
    ...(values.region === undefined ? {} : { region: parseRegion(values.region) }),
    ...(values['storage-gb'] === undefined
      ? {}
      : { storageBytes: parseWhole('--storage-gb', values['storage-gb'], MOST_STORAGE_GB) * BYTES_PER_GB }),
    ...(values.models === undefined ? {} : { models: resolve(values.models) }),
    ...(values['kv-budget-mb'] === undefined
      ? {}
      : { kvBudgetBytes: parseMegabytes('--kv-budget-mb', values['kv-budget-mb']) }),
    ...(values['upload-mbit'] === undefined
      ? {}
      : { uploadBytesPerSecond: parseWhole('--upload-mbit', values['upload-mbit'], MOST_UPLOAD_MBIT) * 125_000 }),
    ...(values['memory-mb'] === undefined ? {} : { memoryBytes: parseMegabytes('--memory-mb', values['memory-mb']) }),
    ...(values.layers === undefined ? {} : { layers: parseLayers(values.layers) }),
    ...(values.threads === undefined ? {} : { threads: parseWhole('--threads', values.threads, MOST_THREADS) }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      options: {
        relay: { type: 'string' },
        model: { type: 'string' },
        region: { type: 'string' },
        'storage-gb': { type: 'string' },
        engine: { type: 'string' },
        models: { type: 'string' },
        'data-dir': { type: 'string' },
        'kv-budget-mb': { type: 'string' },
        layers: { type: 'string' },
        'memory-mb': { type: 'string' },
        'upload-mbit': { type: 'string' },
        threads: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    // Node's messages name the option; what follows the first sentence is advice on positional arguments.
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${message.split(/\.\s|\n/)[0]?.replace(/\.$/, '')}.`);
  }
}

function parseRelay(value: string): string {
  const url = URL.parse(value);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new UsageError(`--relay ${value}: it is an address such as ${DEFAULT_RELAY}.`);
  }
  if (url.href !== `${url.origin}/`) {
    throw new UsageError(`--relay ${url.origin}/…: it is an origin without path, query, user or password.`);
  }
  return url.href;
}

function parseModels(value: string): readonly string[] {
  const ids = value.split(',').map((id) => id.trim());
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (ids.includes('')) throw new UsageError(`--model ${value}: it is a model's name, or several with commas between.`);
  if (twice !== undefined) throw new UsageError(`--model ${value}: ${twice} is named twice.`);
  if (ids.length > MAX_SERVED_MODELS) {
    throw new UsageError(`--model ${value}: one machine holds at most ${MAX_SERVED_MODELS} models.`);
  }
  return ids;
}

function parseRegion(value: string): Region {
  const region = REGIONS.find((name) => name === value);
  if (region === undefined) throw new UsageError(`--region ${value}: it is one of ${REGIONS.join(', ')}.`);
  return region;
}

const parseMegabytes = (option: string, value: string): number =>
  parseWhole(option, value, MOST_MEMORY_MB) * 1024 * 1024;

function parseLayers(value: string): LayerRange {
  const range = parseLayerRange(value);
  if (range === undefined) throw new UsageError(`--layers ${value}: it is a range such as 0-14 for layers 0 to 13.`);
  return range;
}

function parseWhole(option: string, value: string, most: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > most) {
    throw new UsageError(`${option} ${value}: it is a whole number from 1 to ${most}.`);
  }
  return number;
}

const cacheDirectory = (environment: Readonly<Record<string, string | undefined>>): string =>
  join(environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'opengateway');
