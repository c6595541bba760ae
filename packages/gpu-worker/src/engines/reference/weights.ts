import {
  dequantize,
  TENSOR_TYPE_LAYOUTS,
  type LayerRange,
  type TensorInfo,
  type TensorReader,
} from '@opengateway/core';
import { UnsupportedModelError } from '../errors.ts';
import { LOAD_PIECE_BYTES } from './constants.ts';

/** Matrices are `[outputs, inputs]`, row-major. */
export interface LayerWeights {
  readonly attentionNorm: Float32Array;
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
  readonly attentionOutput: Float32Array;
  readonly feedForwardNorm: Float32Array;
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly down: Float32Array;
}

export interface ModelWeights {
  /** `[vocabulary, hiddenSize]`, where the range starts at layer 0. */
  readonly embedding: Float32Array | null;
  readonly layers: readonly LayerWeights[];
  /** Where the range ends at the last layer. */
  readonly head: { readonly norm: Float32Array; readonly output: Float32Array } | null;
  readonly bytes: number;
}

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
}

/**
 * Reads and decodes every tensor that `range` needs, by GGUF's names for the llama family.
 *
 * @throws UnsupportedModelError where a tensor is missing, has another shape, or is one this engine has no use for
 * (to leave out a bias would give wrong results quietly); what the reader throws; the signal's reason.
 */
export async function loadWeights(
  reader: TensorReader,
  range: LayerRange,
  options: LoadOptions,
): Promise<ModelWeights> {
  const { architecture, tensors } = reader.manifest;
  const { hiddenSize, feedForwardSize, vocabularySize, layerCount, headSize, tiedEmbeddings } = architecture;
  if (!(range.start >= 0 && range.start < range.end && range.end <= layerCount)) {
    throw new UnsupportedModelError(`The model has layers 0 to ${layerCount}, not ${range.start} to ${range.end}.`);
  }
  const querySize = architecture.queryHeadCount * headSize;
  const keyValueSize = architecture.keyValueHeadCount * headSize;
  const layerShapes = {
    attentionNorm: ['attn_norm', [hiddenSize]],
    query: ['attn_q', [hiddenSize, querySize]],
    key: ['attn_k', [hiddenSize, keyValueSize]],
    value: ['attn_v', [hiddenSize, keyValueSize]],
    attentionOutput: ['attn_output', [querySize, hiddenSize]],
    feedForwardNorm: ['ffn_norm', [hiddenSize]],
    gate: ['ffn_gate', [hiddenSize, feedForwardSize]],
    up: ['ffn_up', [hiddenSize, feedForwardSize]],
    down: ['ffn_down', [feedForwardSize, hiddenSize]],
  } as const satisfies Record<keyof LayerWeights, readonly [string, readonly number[]]>;
  const table = ['token_embd.weight', [hiddenSize, vocabularySize]] as const;
  const isFirst = range.start === 0;
  const isLast = range.end === layerCount;

  const wanted = new Map<string, readonly number[]>();
  for (let layer = range.start; layer < range.end; layer++) {
    for (const [name, shape] of Object.values(layerShapes)) wanted.set(`blk.${layer}.${name}.weight`, shape);
  }
  if (isFirst || (isLast && tiedEmbeddings)) wanted.set(...table);
  if (isLast) wanted.set('output_norm.weight', [hiddenSize]);
  if (isLast && !tiedEmbeddings) wanted.set('output.weight', table[1]);

  const known = new Set([...Object.values(layerShapes).map(([name]) => name), 'token_embd', 'output_norm', 'output']);
  const unknown = tensors.find(
    ({ name }) => !known.has(name.replace(/^blk\.\d+\./, '').replace(/\.weight$/, '') as never),
  );
  if (unknown)
    throw new UnsupportedModelError(`Tensor ${unknown.name} belongs to no architecture this engine computes.`);

  const loaded = await loadTensors(reader, wanted, options);
  const get = (name: string) => loaded.get(name) as Float32Array;
  return {
    embedding: isFirst ? get(table[0]) : null,
    layers: Array.from({ length: range.end - range.start }, (_, index) => {
      const entries = Object.entries(layerShapes).map(([field, [name]]) => [
        field,
        get(`blk.${range.start + index}.${name}.weight`),
      ]);
      return Object.fromEntries(entries) as LayerWeights;
    }),
    head: isLast ? { norm: get('output_norm.weight'), output: get(tiedEmbeddings ? table[0] : 'output.weight') } : null,
    bytes: [...loaded.values()].reduce((sum, values) => sum + values.byteLength, 0),
  };
}

async function loadTensors(
  reader: TensorReader,
  wanted: ReadonlyMap<string, readonly number[]>,
  { signal, onProgress }: LoadOptions,
): Promise<Map<string, Float32Array>> {
  const byName = new Map(reader.manifest.tensors.map((tensor) => [tensor.name, tensor]));
  const tensors = [...wanted].map(([name, shape]) => {
    const tensor = byName.get(name);
    if (tensor?.shape.join() === shape.join()) return tensor;
    const found = tensor ? `is [${tensor.shape.join(', ')}]` : 'is missing';
    throw new UnsupportedModelError(`Tensor ${name} ${found}; [${shape.join(', ')}] is needed.`);
  });
  const totalBytes = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  const loaded = new Map<string, Float32Array>();
  let doneBytes = 0;
  for (const tensor of tensors) {
    loaded.set(
      tensor.name,
      await loadTensor(reader, tensor, signal, (bytes) => {
        doneBytes += bytes;
        onProgress?.(doneBytes, totalBytes);
      }),
    );
  }
  return loaded;
}

async function loadTensor(
  reader: TensorReader,
  tensor: TensorInfo,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<Float32Array> {
  const { blockElements, blockBytes } = TENSOR_TYPE_LAYOUTS[tensor.type];
  const pieceBlocks = Math.floor(LOAD_PIECE_BYTES / blockBytes);
  const elements = tensor.shape.reduce((product, size) => product * size, 1);
  const blocks = elements / blockElements;
  const values = new Float32Array(elements);
  for (let first = 0; first < blocks; first += pieceBlocks) {
    signal?.throwIfAborted();
    const count = Math.min(pieceBlocks, blocks - first);
    const length = count * blockBytes;
    const bytes = await reader.read(tensor, first * blockBytes, length, signal ? { signal } : {});
    values.set(dequantize(tensor.type, bytes, count * blockElements), first * blockElements);
    onBytes(length);
  }
  signal?.throwIfAborted();
  return values;
}
