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
  /** WGSL that declares, from `v0…`, `block` and the scales what `columns` needs. */
  readonly prepare: (name: string, buffer: string) => string;
  /**
   * WGSL of columns 4j to 4j + 3 in float32, of the vector `vectorOf` says; j is WGSL too, constant where
   * every instruction counts.
   */
  readonly columns: (name: string, vector: string, j: string) => string;
  /** WGSL of columns 4j to 4j + 3 as signed bytes in a u32; null where the format is not of integers. */
  readonly packed: ((vector: string, j: number) => string) | null;
}

// A nibble goes into the top of the mantissa of 16, a byte into that of 256: to make a float of an integer
// costs a shift and an or instead of a conversion, of which GPUs do a quarter as many.
const nibbles = (name: string, vector: string, j: string) =>
  scaled(name, `nibbles(${vector}[${j} & 3u] >> ((${j} >> 2u) * 4u))`);
const packedNibbles = (vector: string, j: number) =>
  j < 4 ? `(${vector}[${j}] & 0x0F0F0F0Fu)` : `((${vector}[${j - 4}] >> 4u) & 0x0F0F0F0Fu)`;
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
    columns: nibbles,
    packed: packedNibbles,
  },
  Q4_1: {
    vectors: 1,
    scales: 2,
    prepare: (name, buffer) => `let ${name}_dm = unpack2x16float(${buffer}_scales[${name}_block]);
      let ${name}_d = ${name}_dm.x;
      let ${name}_m = ${name}_dm.y;
      let ${name}_offset = fma(-16.0, ${name}_d, ${name}_m);`,
    columns: nibbles,
    packed: packedNibbles,
  },
  Q8_0: {
    vectors: 2,
    scales: 1,
    prepare: (name, buffer) => `${oneScale(name, buffer)}
      let ${name}_offset = -384.0 * ${name}_d;
      let ${name}_m = 0.0;`,
    columns: (name, vector, j) => scaled(name, `signedBytes(${vector}[${j} & 3u])`),
    packed: (vector, j) => `${vector}[${j & 3}]`,
  },
  F16: {
    vectors: 4,
    scales: 0,
    prepare: () => '',
    columns: (_, vector, j) => `halves(${vector}, ${j} & 1u)`,
    packed: null,
  },
  F32: {
    vectors: 8,
    scales: 0,
    prepare: () => '',
    columns: (_, vector) => `bitcast<vec4<f32>>(${vector})`,
    packed: null,
  },
};

/** WGSL functions that `columns` of any format calls. */
export const BLOCK_FUNCTIONS = /* wgsl */ `
fn nibbles(u: u32) -> vec4<f32> {
  let bits = vec4<u32>(u << 19u, u << 11u, u << 3u, u >> 5u);
  return bitcast<vec4<f32>>((bits & vec4<u32>(0x780000u)) | vec4<u32>(0x41800000u));
}
fn halves(v: vec4<u32>, high: u32) -> vec4<f32> {
  let pair = select(v.xy, v.zw, high == 1u);
  return vec4<f32>(unpack2x16float(pair.x), unpack2x16float(pair.y));
}
fn signedBytes(packed: u32) -> vec4<f32> {
  let u = packed ^ 0x80808080u;
  let bits = vec4<u32>(u << 15u, u << 7u, u >> 1u, u >> 9u);
  return bitcast<vec4<f32>>((bits & vec4<u32>(0x7F8000u)) | vec4<u32>(0x43800000u));
}
`;

interface Matrix {
  /** Prefix of its bindings' names. */
  readonly buffer: string;
  readonly type: TensorType;
}

/** WGSL that names block (`segment`, `index`) of `row` of a matrix and loads its scales. */
export function locateBlock(
  name: string,
  { buffer, type }: Matrix,
  { segments, blocks }: { segments: number; blocks: number },
  at: { row: string; index: string; segment: string },
): string {
  return `let ${name}_line = ${at.row} * ${blocks}u + ${at.index};
      let ${name}_block = ${name}_line * ${segments}u + ${at.segment};
      ${BLOCK_FORMATS[type].prepare(name, buffer)}`;
}

/** WGSL of a located block's vector number `vector`. */
export const loadVector = (
  name: string,
  { buffer, type }: Matrix,
  { segments }: { segments: number },
  at: { segment: string; vector: string },
): string =>
  `${buffer}_quants[(${name}_line * ${BLOCK_FORMATS[type].vectors}u + ${at.vector}) * ${segments}u + ${at.segment}]`;

/** WGSL that locates a block and loads all of it, as `name_v0…`. */
export function loadBlock(
  name: string,
  matrix: Matrix,
  cut: { segments: number; blocks: number },
  at: { row: string; index: string; segment: string },
): string {
  const vectors = Array.from({ length: BLOCK_FORMATS[matrix.type].vectors }, (_, vector) => {
    return `let ${name}_v${vector} = ${loadVector(name, matrix, cut, { segment: at.segment, vector: `${vector}u` })};`;
  });
  return [locateBlock(name, matrix, cut, at), ...vectors].join('\n      ');
}

/** Which vector of a block holds columns 4j to 4j + 3. */
export const vectorOf = (type: TensorType, j: number): number => Math.floor((j * BLOCK_FORMATS[type].vectors) / 8);

/** WGSL of columns 4j to 4j + 3 of a block that `loadBlock` loaded. */
export const blockColumns = (name: string, type: TensorType, j: number): string =>
  BLOCK_FORMATS[type].columns(name, `${name}_v${vectorOf(type, j)}`, `${j}u`);

/** The same as signed bytes; the type has them. */
export const blockBytes = (name: string, type: TensorType, j: number): string =>
  BLOCK_FORMATS[type].packed!(`${name}_v${vectorOf(type, j)}`, j);

/** The bindings of a matrix, from number `first`. */
export function matrixBindings(name: string, type: TensorType, first: number): string {
  const quants = `@group(0) @binding(${first}) var<storage, read> ${name}_quants: array<vec4<u32>>;`;
  if (BLOCK_FORMATS[type].scales === 0) return quants;
  return `${quants}\n@group(0) @binding(${first + 1}) var<storage, read> ${name}_scales: array<u32>;`;
}

/** How many bindings `matrixBindings` declares. */
export const matrixBindingCount = (type: TensorType): 1 | 2 => (BLOCK_FORMATS[type].scales === 0 ? 1 : 2);
