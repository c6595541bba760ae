import type { Kernel } from './kernel.ts';
import { rowCount } from './step-layout.ts';
import { SILU } from './swiglu-code.ts';

const THREADS = 128;

/** gate = silu(gate) · up over rows `stride` floats apart. Bindings: step, gate, up. Dispatch `swigluGroups`. */
export function swiglu({ columns, stride }: { columns: number; stride: number }): Kernel {
  const wgsl = /* wgsl */ `
@group(0) @binding(0) var<storage, read> step: array<u32>;
@group(0) @binding(1) var<storage, read_write> gate: array<f32>;
@group(0) @binding(2) var<storage, read> up: array<f32>;
${SILU}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= ${columns}u || id.y >= ${rowCount('tokens')}) { return; }
  let at = id.y * ${stride}u + id.x;
  gate[at] = silu(gate[at]) * up[at];
}
`;
  return { label: `swiglu ${columns}`, wgsl, bindings: ['read', 'write', 'read'] };
}

/** Workgroups of a `swiglu` dispatch for `count` rows. */
export const swigluGroups = (columns: number, count: number): readonly [number, number] => [
  Math.ceil(columns / THREADS),
  count,
];
