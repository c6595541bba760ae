import type { TensorType } from '@opengateway/core';
import { segmentsOf } from '../segments.ts';
import { BLOCK_FUNCTIONS, blockColumns, loadBlock, matrixBindingCount, matrixBindings } from './block-formats.ts';
import { unroll, type Kernel } from './kernel.ts';
import { recordField, rowCount } from './step-layout.ts';

const THREADS = 64;

export interface EmbeddingParameters {
  readonly type: TensorType;
  readonly columns: number;
  /** Rows of the table that lie in this buffer; tokens outside are another dispatch's. */
  readonly firstRow: number;
  readonly rows: number;
  readonly recordWords: number;
}

/**
 * Rows of the embedding table, decoded, a thread per block. Bindings: step, quants and scales, output.
 * Dispatch `embeddingGroups`.
 */
export function embedding({ type, columns, firstRow, rows, recordWords }: EmbeddingParameters): Kernel {
  const cut = segmentsOf(columns);
  const { blocks, segments } = cut;
  const outputBinding = 1 + matrixBindingCount(type);
  const wgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> step: array<u32>;
${matrixBindings('w', type, 1)}
@group(0) @binding(${outputBinding}) var<storage, read_write> output: array<vec4<f32>>;
${BLOCK_FUNCTIONS}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let token = id.y;
  let at = id.x;
  if (at >= ${blocks * segments}u || token >= ${rowCount('tokens')}) { return; }
  let row = ${recordField(recordWords, 'token', 'tokenId')} - ${firstRow}u;
  if (row >= ${rows}u) { return; }
  let segment = at / ${blocks}u;
  let index = at % ${blocks}u;
  ${loadBlock('b', { buffer: 'w', type }, cut, { row: 'row', index: 'index', segment: 'segment' })}
  let to = (token * ${blocks * segments}u + at) * 8u;
  ${unroll(8, (j) => `output[to + ${j}u] = ${blockColumns('b', type, j)};`)}
}
`;
  return {
    label: `embedding ${type} ${rows}x${columns}`,
    wgsl,
    bindings: [...Array.from({ length: outputBinding }, () => 'read' as const), 'write'],
  };
}

/** Workgroups of an `embedding` dispatch for `count` tokens. */
export const embeddingGroups = (columns: number, count: number): readonly [number, number] => [
  Math.ceil(segmentsOf(columns).paddedColumns / 32 / THREADS),
  count,
];
