import type { LayerRange, TensorInfo, TensorReader } from '@opengateway/core';
import { UnsupportedModelError } from '../errors.ts';
import { selectTensors } from '../select-tensors.ts';
import type { Kernels } from './kernels.ts';
import { loadMatrix, stagingBytes, type Matrix } from './matrix.ts';
import type { LinearMemory } from './memory.ts';

export interface LayerWeights {
  /** Address of f32 [hiddenSize]. */
  readonly attentionNorm: number;
  readonly query: Matrix;
  readonly key: Matrix;
  readonly value: Matrix;
  readonly attentionOutput: Matrix;
  /** Address of f32 [hiddenSize]. */
  readonly feedForwardNorm: number;
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
}

export interface Weights {
  /** Where the range starts at layer 0. */
  readonly embedding: Matrix | null;
  readonly layers: readonly LayerWeights[];
  /** Where the range ends at the last layer: the final norm's address and the output matrix. */
  readonly head: { readonly norm: number; readonly output: Matrix } | null;
}

/** Loads what a layer range needs and packs it for the kernels; a tied embedding is held once. */
export async function loadWeights(
  { reader, kernels, memory }: { reader: TensorReader; kernels: Kernels; memory: LinearMemory },
  layers: LayerRange,
  options: {
    signal?: AbortSignal | undefined;
    onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  },
): Promise<Weights> {
  const { manifest } = reader;
  const { architecture } = manifest;
  const tensors = selectTensors(manifest, layers);
  const all = [...tensors.values()];
  const totalBytes = all.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const staging = memory.allocate(Math.max(...all.map(stagingBytes)));
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    options.onProgress?.(doneBytes, totalBytes);
  };
  const find = (name: string): TensorInfo => tensors.get(name)!;
  const matrix = (name: string) =>
    loadMatrix({ reader, kernels, memory, staging }, find(name), { signal: options.signal, onBytes });
  const vector = async (name: string): Promise<number> => {
    const tensor = find(name);
    if (tensor.type !== 'F32') throw new UnsupportedModelError(`${name} is ${tensor.type}; norms must be F32.`);
    const address = memory.allocate(tensor.bytes);
    memory.bytes(address, tensor.bytes).set(await reader.read(tensor, 0, tensor.bytes));
    onBytes(tensor.bytes);
    return address;
  };

  const isFirst = layers.start === 0;
  const isLast = layers.end === architecture.layerCount;
  const output = architecture.tiedEmbeddings ? 'token_embd.weight' : 'output.weight';
  const embedding = isFirst ? await matrix('token_embd.weight') : null;
  const loaded: LayerWeights[] = [];
  for (let layer = layers.start; layer < layers.end; layer++) {
    loaded.push({
      attentionNorm: await vector(`blk.${layer}.attn_norm.weight`),
      query: await matrix(`blk.${layer}.attn_q.weight`),
      key: await matrix(`blk.${layer}.attn_k.weight`),
      value: await matrix(`blk.${layer}.attn_v.weight`),
      attentionOutput: await matrix(`blk.${layer}.attn_output.weight`),
      feedForwardNorm: await vector(`blk.${layer}.ffn_norm.weight`),
      gate: await matrix(`blk.${layer}.ffn_gate.weight`),
      up: await matrix(`blk.${layer}.ffn_up.weight`),
      down: await matrix(`blk.${layer}.ffn_down.weight`),
    });
  }
  const head = isLast
    ? {
        norm: await vector('output_norm.weight'),
        output: embedding && architecture.tiedEmbeddings ? embedding : await matrix(output),
      }
    : null;
  return { embedding, layers: loaded, head };
}
