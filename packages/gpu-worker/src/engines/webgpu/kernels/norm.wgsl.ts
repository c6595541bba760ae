import { segmentsOf } from '../segments.ts';
import type { Kernel } from './kernel.ts';
import { normFunctions, NORM_THREADS } from './norm-code.ts';
import { tokenOfRow, type RowSource } from './step-layout.ts';

export interface NormParameters {
  readonly columns: number;
  readonly epsilon: number;
  /** Which rows are normalised; they are written from row 0 on. */
  readonly source: RowSource;
  readonly recordWords: number;
}

/** RMSNorm of whole rows, before a `matmul`. Bindings: step, x, weight, output. Dispatch one group per row. */
export function norm({ columns, epsilon, source, recordWords }: NormParameters): Kernel {
  const cut = segmentsOf(columns);
  const vectors = cut.paddedColumns / 4;
  const wgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> step: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> normWeight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4<f32>>;
${normFunctions(cut, epsilon, 1)}
@compute @workgroup_size(${NORM_THREADS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = ${tokenOfRow(source, recordWords, 'group.x')};
  sumSquares(row, 0u, lane);
  workgroupBarrier();
  sumEighths(lane);
  workgroupBarrier();
  let scale = normScale(0u);
  for (var column = lane; column < ${vectors}u; column += ${NORM_THREADS}u) {
    let loaded = x[row * ${vectors}u + column];
    output[group.x * ${vectors}u + column] = (loaded * scale) * normWeight[column];
  }
}
`;
  return { label: `norm ${columns} ${source}`, wgsl, bindings: ['read', 'read', 'read', 'write'] };
}
