import {
  CHUNK_BYTES,
  tensorBytes,
  type ModelArchitecture,
  type ModelManifest,
  type TensorInfo,
  type TensorReader,
  type TensorType,
} from '@opengateway/core';
import { randomTensorBytes } from './random-tensor.ts';
import { seededRandom } from './seeded-random.ts';

export interface TinyModelOptions {
  /** @default 1 */
  readonly seed?: number;
  /** Differences from four layers of 64 with four query and two key/value heads of 16, vocabulary 320. */
  readonly architecture?: Partial<ModelArchitecture>;
  /** Types of the layers' matrices, dealt out in turn. @default Q4_1, Q8_0, Q4_0, F16, F32 */
  readonly matrixTypes?: readonly TensorType[];
  /** @default Q8_0 */
  readonly embeddingType?: TensorType;
}

/** A whole model in memory. */
export interface TinyModel {
  readonly manifest: ModelManifest;
  /** Its only file, with real chunk hashes in the manifest. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** A fresh reader over `bytes`; `reads` lists the tensors read, in order, each time again. */
  createReader(): TensorReader & { readonly reads: readonly string[] };
}

/** The smallest shape that still has every part: grouped queries, several layers, untied output. */
const TINY_ARCHITECTURE: ModelArchitecture = {
  family: 'llama',
  layerCount: 4,
  hiddenSize: 64,
  feedForwardSize: 160,
  queryHeadCount: 4,
  keyValueHeadCount: 2,
  headSize: 16,
  vocabularySize: 320,
  contextLength: 512,
  rmsNormEpsilon: 1e-5,
  ropeBase: 10_000,
  ropeDimensionCount: 16,
  ropeLayout: 'interleaved',
  tiedEmbeddings: false,
};

/** GGUF's default alignment of tensor data. */
const ALIGNMENT = 32;

/** Where a real file has its metadata; zeros here, since no test of an engine reads it. */
const HEADER_BYTES = 64;

/** Makes a seeded random model of the llama family: the same options give the same bytes. */
export async function createTinyModel(options: TinyModelOptions = {}): Promise<TinyModel> {
  const random = seededRandom(options.seed ?? 1);
  const architecture = { ...TINY_ARCHITECTURE, ...options.architecture };
  const tensors: TensorInfo[] = [];
  const pieces: Uint8Array[] = [new Uint8Array(HEADER_BYTES)];
  let offset = HEADER_BYTES;
  for (const { name, type, shape, spread, mean } of describeTensors(architecture, options)) {
    const bytes = tensorBytes(type, shape);
    if (bytes === undefined) throw new RangeError(`${type} has no shape [${shape.join(', ')}].`);
    const padding = (ALIGNMENT - (offset % ALIGNMENT)) % ALIGNMENT;
    pieces.push(new Uint8Array(padding));
    offset += padding;
    tensors.push({ name, file: 0, offset, bytes, type, shape: [...shape] });
    pieces.push(randomTensorBytes(random, { type, bytes, spread, mean }));
    offset += bytes;
  }
  const bytes = new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  const manifest: ModelManifest = {
    format: 'opengateway-manifest/1',
    id: 'tiny-random',
    name: 'Tiny random',
    license: { spdx: 'Apache-2.0' },
    architecture,
    tokenizer: {
      kind: 'gpt2',
      preTokenizer: '',
      beginToken: null,
      addBeginToken: false,
      endTokens: [],
      source: { file: 'tiny.gguf', bytes: HEADER_BYTES },
    },
    chatTemplate: null,
    files: [{ name: 'tiny.gguf', bytes: bytes.length, chunks: await chunkHashes(bytes) }],
    tensors,
  };
  return { manifest, bytes, createReader: () => memoryReader(manifest, bytes) };
}

interface TensorDescription {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly spread: number;
  readonly mean: number;
}

function describeTensors(architecture: ModelArchitecture, options: TinyModelOptions): TensorDescription[] {
  const { hiddenSize, feedForwardSize, queryHeadCount, keyValueHeadCount, headSize } = architecture;
  const matrixTypes = options.matrixTypes ?? ['Q4_1', 'Q8_0', 'Q4_0', 'F16', 'F32'];
  const embeddingType = options.embeddingType ?? 'Q8_0';
  const querySize = queryHeadCount * headSize;
  const keyValueSize = keyValueHeadCount * headSize;
  const table = [hiddenSize, architecture.vocabularySize];
  const norm = (name: string) => ({ name, type: 'F32', shape: [hiddenSize], spread: 0.2, mean: 1 }) as const;
  // Logits spread by about 3, as a trained model's do.
  const logitSpread = 3 / Math.sqrt(hiddenSize);
  let dealt = 0;
  // A spread of 1/√inputs keeps every layer's output about as large as its input.
  const matrix = (name: string, inputs: number, outputs: number): TensorDescription => ({
    name,
    type: matrixTypes[dealt++ % matrixTypes.length]!,
    shape: [inputs, outputs],
    spread: 1 / Math.sqrt(inputs),
    mean: 0,
  });
  return [
    {
      name: 'token_embd.weight',
      type: embeddingType,
      shape: table,
      spread: architecture.tiedEmbeddings ? logitSpread : 0.5,
      mean: 0,
    },
    ...Array.from({ length: architecture.layerCount }, (_, layer) => [
      norm(`blk.${layer}.attn_norm.weight`),
      matrix(`blk.${layer}.attn_q.weight`, hiddenSize, querySize),
      matrix(`blk.${layer}.attn_k.weight`, hiddenSize, keyValueSize),
      matrix(`blk.${layer}.attn_v.weight`, hiddenSize, keyValueSize),
      matrix(`blk.${layer}.attn_output.weight`, querySize, hiddenSize),
      norm(`blk.${layer}.ffn_norm.weight`),
      matrix(`blk.${layer}.ffn_gate.weight`, hiddenSize, feedForwardSize),
      matrix(`blk.${layer}.ffn_up.weight`, hiddenSize, feedForwardSize),
      matrix(`blk.${layer}.ffn_down.weight`, feedForwardSize, hiddenSize),
    ]).flat(),
    norm('output_norm.weight'),
    ...(architecture.tiedEmbeddings
      ? []
      : [{ name: 'output.weight', type: embeddingType, shape: table, spread: logitSpread, mean: 0 }]),
  ];
}

async function chunkHashes(bytes: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const hashes: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
    const digest = await crypto.subtle.digest('SHA-256', bytes.subarray(offset, offset + CHUNK_BYTES));
    hashes.push(Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join(''));
  }
  return hashes;
}

function memoryReader(manifest: ModelManifest, bytes: Uint8Array) {
  const reads: string[] = [];
  return {
    manifest,
    reads,
    async read(tensor: TensorInfo, offset: number, length: number, { signal }: { signal?: AbortSignal } = {}) {
      signal?.throwIfAborted();
      if (offset < 0 || length < 0 || offset + length > tensor.bytes) {
        throw new RangeError(`Tensor ${tensor.name} has no bytes ${offset} to ${offset + length}.`);
      }
      reads.push(tensor.name);
      // A copy: an engine that wrote into what it was given would otherwise change the model.
      return bytes.slice(tensor.offset + offset, tensor.offset + offset + length);
    },
  };
}
