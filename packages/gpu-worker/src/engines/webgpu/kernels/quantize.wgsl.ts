import { segmentsOf } from '../segments.ts';
import { QUANTIZE_BLOCK } from './arithmetic.ts';
import type { Kernel } from './kernel.ts';
import { rowCount, type RowSource } from './step-layout.ts';

const THREADS = 64;

export interface QuantizeParameters {
  readonly columns: number;
  readonly source: RowSource;
}

/**
 * Activations to bytes per block of 32, before an `int8` `matmul`. Bindings: step, x, bytes
 * (`vec4<u32>`, two a block), (scale, scale · sum) per block. Dispatch `quantizeGroups`.
 */
export function quantize({ columns, source }: QuantizeParameters): Kernel {
  const rowBlocks = segmentsOf(columns).paddedColumns / 32;
  const wgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> step: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> bytes: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> scales: array<vec2<f32>>;
${QUANTIZE_BLOCK}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let block = id.x;
  if (block >= ${rowCount(source)} * ${rowBlocks}u) { return; }
  var values = array<vec4<f32>, 8>();
  for (var j = 0u; j < 8u; j++) { values[j] = x[block * 8u + j]; }
  let quantized = quantizeBlock(values);
  bytes[block * 2u] = quantized.low;
  bytes[block * 2u + 1u] = quantized.high;
  scales[block] = vec2<f32>(quantized.scale, quantized.sum);
}
`;
  return { label: `quantize ${columns}`, wgsl, bindings: ['read', 'read', 'write', 'write'] };
}

/** Workgroups of a `quantize` dispatch for `count` rows. */
export const quantizeGroups = ({ columns }: QuantizeParameters, count: number): readonly [number, number] => [
  Math.ceil((count * segmentsOf(columns).paddedColumns) / 32 / THREADS),
  1,
];
