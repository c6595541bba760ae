import { UnsupportedModelError } from '../errors.ts';
import { DESCRIBE_TIMEOUT_MS, MAX_CONFIG_BYTES, MAX_TENSOR_INDEX_BYTES } from './constants.ts';
import { InvalidPackageError, PackageUnavailableError } from './errors.ts';
import type { ModelArchitecture, ModelPackage } from '@opengateway/core';
import type { WebLlmModelRecord } from './library.ts';

/** What a package says of itself. */
export interface PackageDescription {
  /** MLC's name of it, e.g. `q4f16_1`: 4-bit weights, half-precision arithmetic. */
  readonly quantization: string;
  readonly computesInHalf: boolean;
  /** Rows of its logits; the tokenizer's tokens, often rounded up. */
  readonly vocabularySize: number;
  /** Null where it names none, as with a sliding window. */
  readonly contextWindow: number | null;
  readonly weightBytes: number;
  /** Of the model's own configuration, where the package carries it. */
  readonly layerCount?: number;
  readonly hiddenSize?: number;
}

/**
 * The library's record of a package: from the catalogue's two addresses, or from the library's own list.
 *
 * @throws UnsupportedModelError where the list has no such model, or not one that is served here.
 */
export function findRecord(modelPackage: ModelPackage, listed: readonly WebLlmModelRecord[]): WebLlmModelRecord {
  const overrides = modelPackage.overrides?.context_window_size;
  const chosen = overrides === undefined ? {} : { overrides: { context_window_size: overrides } };
  if (!('prebuilt' in modelPackage)) {
    const { modelUrl, modelLibUrl } = modelPackage;
    return { model: modelUrl, model_id: modelUrl, model_lib: modelLibUrl, ...chosen };
  }
  const record = listed.find(({ model_id }) => model_id === modelPackage.prebuilt);
  if (!record) throw new UnsupportedModelError(`WebLLM's list has no model ${modelPackage.prebuilt}.`);
  if (!isServable(record)) throw new UnsupportedModelError(`${record.model_id} is not served here: text models are.`);
  return { ...record, ...chosen };
}

/** Whether a listed model is a language model in a form that is read here. */
export const isServable = ({ model_type = 0, model_manifest }: WebLlmModelRecord): boolean =>
  model_type === 0 && model_manifest === undefined;

/** The folder of a package's files, by the library's own rule. */
export function packageFolder(modelUrl: string): string {
  const folder = modelUrl.endsWith('/') ? modelUrl : `${modelUrl}/`;
  return new URL(/.+\/resolve\/.+\//.test(folder) ? folder : `${folder}resolve/main/`).href;
}

/**
 * Reads what a package says of itself, so that an unreachable or wrong one is known by its name before
 * anything large is fetched.
 *
 * @throws PackageUnavailableError, InvalidPackageError, or the signal's reason.
 */
export async function describePackage(
  fetch: typeof globalThis.fetch,
  { model }: WebLlmModelRecord,
  signal?: AbortSignal,
): Promise<PackageDescription> {
  const folder = packageFolder(model);
  const configUrl = new URL('mlc-chat-config.json', folder).href;
  const indexUrl = new URL('tensor-cache.json', folder).href;
  const [config, index] = await Promise.all([
    fetchRecord(fetch, configUrl, MAX_CONFIG_BYTES, signal),
    fetchRecord(fetch, indexUrl, MAX_TENSOR_INDEX_BYTES, signal),
  ]);
  const { quantization, vocab_size: vocabularySize, context_window_size: contextWindow } = config;
  if (typeof quantization !== 'string' || !isCount(vocabularySize)) {
    throw new InvalidPackageError(`${configUrl} names no quantisation or no vocabulary.`);
  }
  return {
    quantization,
    computesInHalf: quantization.includes('f16'),
    vocabularySize,
    contextWindow: isCount(contextWindow) ? contextWindow : null,
    weightBytes: shardBytes(index, indexUrl),
    ...shapeOf(config),
  };
}

/**
 * Makes sure that a package is one of the manifest's model, as far as both can tell.
 *
 * @throws InvalidPackageError naming what differs.
 */
export function checkPackage(description: PackageDescription, architecture: ModelArchitecture): void {
  const { layerCount = architecture.layerCount, hiddenSize = architecture.hiddenSize, vocabularySize } = description;
  if (layerCount !== architecture.layerCount) throw differs('layers', layerCount, architecture.layerCount);
  if (hiddenSize !== architecture.hiddenSize) throw differs('values per state', hiddenSize, architecture.hiddenSize);
  // More is padding, which no token of the tokenizer reaches.
  if (vocabularySize < architecture.vocabularySize) {
    throw differs('tokens', vocabularySize, architecture.vocabularySize);
  }
}

const differs = (what: string, its: number, ours: number): InvalidPackageError =>
  new InvalidPackageError(`The package is not of this model: it has ${its} ${what}, the manifest says ${ours}.`);

type JsonRecord = Readonly<Record<string, unknown>>;

async function fetchRecord(
  fetch: typeof globalThis.fetch,
  url: string,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<JsonRecord> {
  const timeout = AbortSignal.timeout(DESCRIBE_TIMEOUT_MS);
  let text: string;
  try {
    const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    if (!response.ok) throw new PackageUnavailableError(`${url} answered HTTP ${response.status}.`);
    text = await readCapped(response, url, maxBytes);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof PackageUnavailableError || cause instanceof InvalidPackageError) throw cause;
    const reason = cause instanceof Error ? cause.message : 'no answer';
    throw new PackageUnavailableError(`${url} could not be fetched: ${reason}.`, { cause });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (cause) {
    throw new InvalidPackageError(`${url} is not JSON.`, { cause });
  }
  throw new InvalidPackageError(`${url} is not a JSON object.`);
}

async function readCapped(response: Response, url: string, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let length = 0;
  let text = '';
  for await (const piece of response.body ?? []) {
    length += piece.byteLength;
    if (length > maxBytes) throw new InvalidPackageError(`${url} is longer than ${maxBytes} bytes.`);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

function shardBytes({ records }: JsonRecord, url: string): number {
  if (!Array.isArray(records) || records.length === 0) throw new InvalidPackageError(`${url} lists no shards.`);
  let total = 0;
  for (const shard of records as readonly unknown[]) {
    if (!isRecord(shard) || !isCount(shard['nbytes'])) throw new InvalidPackageError(`${url} has a shard of no size.`);
    total += shard['nbytes'];
  }
  return total;
}

/** Shapes where the package tells them: MLC keeps the model's own configuration under `model_config`. */
function shapeOf({ model_config: model }: JsonRecord): Pick<PackageDescription, 'layerCount' | 'hiddenSize'> {
  if (!isRecord(model)) return {};
  const { num_hidden_layers: layerCount, hidden_size: hiddenSize } = model;
  return { ...(isCount(layerCount) ? { layerCount } : {}), ...(isCount(hiddenSize) ? { hiddenSize } : {}) };
}

const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
