import type { LayerRange, TensorInfo, TensorReader } from '@opengateway/core';
import { UnsupportedModelError } from '../errors.ts';
import { selectTensors } from '../select-tensors.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { bindableRows, loadMatrix, type MatrixPart } from './matrix.ts';
import { segmentsOf } from './segments.ts';

/** Matrices with the same input, side by side: each part's rows start at `offset` of the output. */
export interface StackedPart {
  readonly part: MatrixPart;
  readonly offset: number;
}

export interface LayerWeights {
  readonly attentionNorm: GPUBuffer;
  /** Queries, keys and values, in as few parts as their types allow. */
  readonly projections: readonly StackedPart[];
  readonly attentionOutput: readonly StackedPart[];
  readonly feedForwardNorm: GPUBuffer;
  /** Cut at the same rows. */
  readonly gate: readonly MatrixPart[];
  readonly up: readonly MatrixPart[];
  readonly down: readonly StackedPart[];
}

export interface Weights {
  /** Where the range starts at layer 0. */
  readonly embedding: readonly MatrixPart[] | null;
  readonly layers: readonly LayerWeights[];
  /** Where the range ends at the last layer. */
  readonly head: { readonly norm: GPUBuffer; readonly output: readonly StackedPart[] } | null;
}

/** Loads what a layer range needs; a tied embedding is held once. */
export async function loadWeights(
  { reader, memory }: { reader: TensorReader; memory: GpuMemory },
  layers: LayerRange,
  options: {
    signal?: AbortSignal | undefined;
    onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  },
): Promise<Weights> {
  const { architecture } = reader.manifest;
  const tensors = selectTensors(reader.manifest, layers);
  const totalBytes = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    options.onProgress?.(doneBytes, totalBytes);
  };
  const find = (name: string): TensorInfo => tensors.get(name)!;
  const loadOptions = { signal: options.signal, onBytes };
  const matrix = (...found: readonly TensorInfo[]) => loadMatrix({ reader, memory }, found, loadOptions);
  const stack = async (...names: readonly string[]): Promise<StackedPart[]> => {
    const stacked: StackedPart[] = [];
    let offset = 0;
    for (const group of ofOneType(names.map(find))) {
      for (const part of await matrix(...group)) stacked.push({ part, offset: offset + part.firstRow });
      offset += group.reduce((rows, { shape }) => rows + shape[1]!, 0);
    }
    return stacked;
  };
  const vector = async (name: string): Promise<GPUBuffer> => {
    const tensor = find(name);
    if (tensor.type !== 'F32') throw new UnsupportedModelError(`${name} is ${tensor.type}; norms must be F32.`);
    const bytes = await reader.read(tensor, 0, tensor.bytes, options.signal ? { signal: options.signal } : {});
    const buffer = memory.allocate(name, segmentsOf(tensor.shape[0]!).paddedColumns * 4);
    memory.gpu.device.queue.writeBuffer(buffer, 0, bytes.slice());
    onBytes(tensor.bytes);
    return buffer;
  };

  const embedding = layers.start === 0 ? await matrix(find('token_embd.weight')) : null;
  const loaded: LayerWeights[] = [];
  for (let layer = layers.start; layer < layers.end; layer++) {
    const named = (name: string) => `blk.${layer}.${name}.weight`;
    const [gate, up] = [find(named('ffn_gate')), find(named('ffn_up'))];
    const rowsPerPart = bindableRows(memory, [gate.type, up.type], architecture.hiddenSize);
    loaded.push({
      attentionNorm: await vector(named('attn_norm')),
      projections: await stack(named('attn_q'), named('attn_k'), named('attn_v')),
      attentionOutput: await stack(named('attn_output')),
      feedForwardNorm: await vector(named('ffn_norm')),
      gate: await loadMatrix({ reader, memory }, [gate], { ...loadOptions, rowsPerPart }),
      up: await loadMatrix({ reader, memory }, [up], { ...loadOptions, rowsPerPart }),
      down: await stack(named('ffn_down')),
    });
  }
  if (layers.end < architecture.layerCount) return { embedding, layers: loaded, head: null };
  const norm = await vector('output_norm.weight');
  const output =
    embedding && architecture.tiedEmbeddings
      ? embedding.map((part) => ({ part, offset: part.firstRow }))
      : await stack(architecture.tiedEmbeddings ? 'token_embd.weight' : 'output.weight');
  return { embedding, layers: loaded, head: { norm, output } };
}

function ofOneType(tensors: readonly TensorInfo[]): TensorInfo[][] {
  const groups: TensorInfo[][] = [];
  for (const tensor of tensors) {
    const last = groups.at(-1);
    if (last?.[0]?.type === tensor.type) last.push(tensor);
    else groups.push([tensor]);
  }
  return groups;
}
