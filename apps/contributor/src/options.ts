import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseLayerRange } from '@opengateway/core';
import { DEFAULT_RELAY } from './constants.ts';
import { UsageError } from './errors.ts';
import type { LayerRange } from '@opengateway/core';

export interface ContributeOptions {
  /** Origin of the relay, e.g. `http://127.0.0.1:8080/`. */
  readonly relay: string;
  readonly model?: string;
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
  /** Layers to hold. @default all where they fit, else what is lacking most */
  readonly layers?: LayerRange;
  /** Of weights, to all other peers together. @default the network's */
  readonly uploadBytesPerSecond?: number;
  readonly json: boolean;
}

export const USAGE = `Lends this machine to a relay: loads a model, tests itself and answers requests.

npm run contribute -- [options]

  --relay URL          the relay to join (default ${DEFAULT_RELAY})
  --model ID           the model to serve (default: the first the relay offers)
  --engine KIND        wasm or reference (default wasm)
  --layers A-B         hold layers A to B-1 of the model (default: all where they fit)
  --models DIR         read weights from DIR/<model id>/ where they are there, instead of fetching them
  --data-dir DIR       keep fetched weights here (default $DATA_DIR, else $XDG_CACHE_HOME/opengateway,
                       else ~/.cache/opengateway)
  --threads N          threads that compute (default: all processors but one)
  --memory-mb N        memory lent in all, in MiB: a model that is larger is held in part (default: what it needs)
  --kv-budget-mb N     memory for running answers in MiB (default: the engine's)
  --upload-mbit N      weights sent to other peers in Mbit/s, all together (default: 17)
  --json               one JSON object per line instead of text
  --help               this text`;

const ENGINES = ['wasm', 'reference'] as const;
const MOST_MEMORY_MB = 1_048_576;
const MOST_THREADS = 1_024;
const MOST_UPLOAD_MBIT = 100_000;

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
    ...(values.model === undefined ? {} : { model: values.model }),
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
