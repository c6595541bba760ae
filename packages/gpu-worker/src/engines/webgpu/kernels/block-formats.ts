import type { TensorType } from '@opengateway/core';

/**
 * How 32 columns of a row are held on the GPU: as in GGUF, quants apart from scales. Block (segment s,
 * index i) of a row lies at `i · segments + s`, so that the threads of a row, one per segment, read side by
 * side; a block's vectors are `segments` apart for the same reason.
 */
export interface BlockFormat {
  /** `vec4<u32>` of quants per block. */
  readonly vectors: 1 | 2 | 4 | 8;
  /** Half-precision numbers per block beside the quants: none, d, or d and m. */
  readonly scales: 0 | 1 | 2;
  /** WGSL that declares, from `v0…`, `block` and the scales, what `columns` and `packed` need. */
  readonly prepare: (name: string, buffer: string) => string;
  /** WGSL of columns 4j to 4j + 3 in float32, for a constant j. */
  readonly columns: (name: string, j: number) => string;
  /** WGSL of columns 4j to 4j + 3 as signed bytes in a u32; null where the format is not of integers. */
  readonly packed: ((name: string, j: number) => string) | null;
}

// A nibble goes into the top of the mantissa of 16, a byte into that of 256: to make a float of an integer
// costs a shift and an or instead of a conversion, of which GPUs do a quarter as many.
const nibbles = (name: string, j: number) =>
  j < 4 ? `lowNibbles(${name}_v0[${j}])` : `highNibbles(${name}_v0[${j - 4}])`;
const packedNibbles = (name: string, j: number) =>
  j < 4 ? `(${name}_v0[${j}] & 0x0F0F0F0Fu)` : `((${name}_v0[${j - 4}] >> 4u) & 0x0F0F0F0Fu)`;
const scaled = (name: string, values: string) => `fma(vec4<f32>(${name}_d), ${values}, vec4<f32>(${name}_offset))`;
const oneScale = (name: string, buffer: string) =>
  `let ${name}_d = unpack2x16float(${buffer}_scales[${name}_block >> 1u])[${name}_block & 1u];`;

export const BLOCK_FORMATS: Readonly<Record<TensorType, BlockFormat>> = {
  Q4_0: {
    vectors: 1,
    scales: 1,
    prepare: (name, buffer) => `${oneScale(name, buffer)}
      let ${name}_offset = -24.0 * ${name}_d;
      let ${name}_m = -8.0 * ${name}_d;`,
    columns: (name, j) => scaled(name, nibbles(name, j)),
    packed: packedNibbles,
  },
  Q4_1: {
    vectors: 1,
    scales: 2,
    prepare: (name, buffer) => `let ${name}_dm = unpack2x16float(${buffer}_scales[${name}_block]);
      let ${name}_d = ${name}_dm.x;
      let ${name}_m = ${name}_dm.y;
      let ${name}_offset = fma(-16.0, ${name}_d, ${name}_m);`,
    columns: (name, j) => scaled(name, nibbles(name, j)),
    packed: packedNibbles,
  },
  Q8_0: {
    vectors: 2,
    scales: 1,
    prepare: (name, buffer) => `${oneScale(name, buffer)}
      let ${name}_offset = -384.0 * ${name}_d;
      let ${name}_m = 0.0;`,
    columns: (name, j) => scaled(name, `signedBytes(${name}_v${j >> 2}[${j & 3}])`),
    packed: (name, j) => `${name}_v${j >> 2}[${j & 3}]`,
  },
  F16: {
    vectors: 4,
    scales: 0,
    prepare: () => '',
    columns: (name, j) =>
      `vec4<f32>(unpack2x16float(${name}_v${j >> 1}[${2 * (j & 1)}]), unpack2x16float(${name}_v${j >> 1}[${2 * (j & 1) + 1}]))`,
    packed: null,
  },
  F32: {
    vectors: 8,
    scales: 0,
    prepare: () => '',
    columns: (name, j) => `bitcast<vec4<f32>>(${name}_v${j})`,
    packed: null,
  },
};

/** WGSL functions that `columns` of any format calls. */
export const BLOCK_FUNCTIONS = /* wgsl */ `
fn lowNibbles(u: u32) -> vec4<f32> {
  let bits = vec4<u32>(u << 19u, u << 11u, u << 3u, u >> 5u);
  return bitcast<vec4<f32>>((bits & vec4<u32>(0x780000u)) | vec4<u32>(0x41800000u));
}
fn highNibbles(u: u32) -> vec4<f32> {
  let bits = vec4<u32>(u << 15u, u << 7u, u >> 1u, u >> 9u);
  return bitcast<vec4<f32>>((bits & vec4<u32>(0x780000u)) | vec4<u32>(0x41800000u));
}
fn signedBytes(packed: u32) -> vec4<f32> {
  let u = packed ^ 0x80808080u;
  let bits = vec4<u32>(u << 15u, u << 7u, u >> 1u, u >> 9u);
  return bitcast<vec4<f32>>((bits & vec4<u32>(0x7F8000u)) | vec4<u32>(0x43800000u));
}
`;

/** WGSL that loads block (`segment`, `index`) of `row` of the matrix in `buffer`: quants as `name_v0…`, and scales. */
export function loadBlock(
  name: string,
  { buffer, type }: { buffer: string; type: TensorType },
  { segments, blocks }: { segments: number; blocks: number },
  at: { row: string; index: string; segment: string },
): string {
  const format = BLOCK_FORMATS[type];
  const vectors = Array.from({ length: format.vectors }, (_, vector) => {
    return `let ${name}_v${vector} = ${buffer}_quants[(${name}_line * ${format.vectors}u + ${vector}u) * ${segments}u + ${at.segment}];`;
  });
  return `let ${name}_line = ${at.row} * ${blocks}u + ${at.index};
      let ${name}_block = ${name}_line * ${segments}u + ${at.segment};
      ${vectors.join('\n      ')}
      ${format.prepare(name, buffer)}`;
}

/** The bindings of a matrix, from number `first`. */
export function matrixBindings(name: string, type: TensorType, first: number): string {
  const quants = `@group(0) @binding(${first}) var<storage, read> ${name}_quants: array<vec4<u32>>;`;
  if (BLOCK_FORMATS[type].scales === 0) return quants;
  return `${quants}\n@group(0) @binding(${first + 1}) var<storage, read> ${name}_scales: array<u32>;`;
}

/** How many bindings `matrixBindings` declares. */
export const matrixBindingCount = (type: TensorType): 1 | 2 => (BLOCK_FORMATS[type].scales === 0 ? 1 : 2);
