import {
  dequantize,
  TENSOR_TYPE_LAYOUTS,
  type LayerRange,
  type TensorInfo,
  type TensorReader,
} from '@opengateway/core';
import { selectTensors } from '../select-tensors.ts';
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
 * Reads and decodes every tensor that `range` needs.
 *
 * @throws UnsupportedModelError, what the reader throws, or the signal's reason.
 */
export async function loadWeights(
  reader: TensorReader,
  range: LayerRange,
  { signal, onProgress }: LoadOptions,
): Promise<ModelWeights> {
  const { layerCount, tiedEmbeddings } = reader.manifest.architecture;
  const tensors = [...selectTensors(reader.manifest, range).values()];
  const totalBytes = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
  const loaded = new Map<string, Float32Array>();
  let doneBytes = 0;
  for (const tensor of tensors) {
    const onBytes = (bytes: number) => onProgress?.((doneBytes += bytes), totalBytes);
    loaded.set(tensor.name, await loadTensor(reader, tensor, onBytes, signal));
  }
  const get = (name: string) => loaded.get(name) as Float32Array;
  return {
    embedding: range.start === 0 ? get('token_embd.weight') : null,
    layers: Array.from({ length: range.end - range.start }, (_, index) => layerWeights(get, range.start + index)),
    head:
      range.end === layerCount
        ? { norm: get('output_norm.weight'), output: get(tiedEmbeddings ? 'token_embd.weight' : 'output.weight') }
        : null,
    bytes: [...loaded.values()].reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}

function layerWeights(get: (name: string) => Float32Array, layer: number): LayerWeights {
  const named = (name: string) => get(`blk.${layer}.${name}.weight`);
  return {
    attentionNorm: named('attn_norm'),
    query: named('attn_q'),
    key: named('attn_k'),
    value: named('attn_v'),
    attentionOutput: named('attn_output'),
    feedForwardNorm: named('ffn_norm'),
    gate: named('ffn_gate'),
    up: named('ffn_up'),
    down: named('ffn_down'),
  };
}

async function loadTensor(
  reader: TensorReader,
  tensor: TensorInfo,
  onBytes: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { blockElements, blockBytes } = TENSOR_TYPE_LAYOUTS[tensor.type];
  const blocks = tensor.bytes / blockBytes;
  const pieceBlocks = Math.floor(LOAD_PIECE_BYTES / blockBytes);
  const values = new Float32Array(blocks * blockElements);
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
