import type { TensorType } from '@opengateway/core';
import { BLOCK_FORMATS } from './block-formats.ts';

/**
 * What products are computed in: `f32`; `f16`, four products at a time summed in half precision, the rest
 * in float32; `int8`, activations rounded to signed bytes per 32 columns, as the `wasm` engine does.
 */
export type Arithmetic = 'f32' | 'f16' | 'int8';

/** The arithmetic of a product with matrices of these types: bytes need integer weights on every side. */
export const arithmeticFor = (wanted: Arithmetic, types: readonly TensorType[]): Arithmetic =>
  wanted === 'int8' && types.some((type) => BLOCK_FORMATS[type].packed === null) ? 'f32' : wanted;

/** WGSL directives that kernels of an arithmetic start with. */
export const directives = (arithmetic: Arithmetic, subgroups = false): string =>
  [arithmetic === 'f16' && 'enable f16;', subgroups && 'enable subgroups;'].filter(Boolean).join('\n');

/** Type of four staged activations or weights. */
export const vectorType = (arithmetic: Arithmetic): string => (arithmetic === 'f16' ? 'vec4<f16>' : 'vec4<f32>');

/** WGSL of four floats as they are staged; what half precision cannot hold would become infinite. */
export const stagedVector = (arithmetic: Arithmetic, values: string): string =>
  arithmetic === 'f16' ? `vec4<f16>(clamp(${values}, vec4<f32>(-65504.0), vec4<f32>(65504.0)))` : values;

/** WGSL of the four products of `weights` and `inputs` added to `sum`, in ascending order. */
export function accumulate(arithmetic: Arithmetic, sum: string, weights: string, inputs: string): string {
  if (arithmetic === 'f16') {
    return `${sum} += f32(fma(${weights}.w, ${inputs}.w, fma(${weights}.z, ${inputs}.z, fma(${weights}.y, ${inputs}.y, ${weights}.x * ${inputs}.x))));`;
  }
  return ['x', 'y', 'z', 'w'].map((k) => `${sum} = fma(${weights}.${k}, ${inputs}.${k}, ${sum});`).join(' ');
}

/** WGSL that adds a block's integer product `dots` to `sum`; `scale` is the activations' (scale, scale · sum). */
export function accumulateBytes(type: TensorType, sum: string, name: string, scale: string): string {
  const product = `${sum} = fma(${name}_d * ${scale}.x, f32(dots), ${sum});`;
  return type === 'Q8_0' ? product : `${product} ${sum} = fma(${name}_m, ${scale}.y, ${sum});`;
}

/**
 * WGSL that rounds the 32 floats `x0…x7` (vec4) to bytes: `packed0…packed7`, `byteScale` and `byteSum`,
 * scale times the sum of the integers.
 */
export const QUANTIZE_BLOCK = /* wgsl */ `
struct ByteBlock { low: vec4<u32>, high: vec4<u32>, scale: f32, sum: f32 }
fn roundedBytes(x: vec4<f32>, inverse: f32) -> u32 {
  return pack4xI8Clamp(vec4<i32>(round(x * inverse)));
}
fn byteTotal(packed: u32, total: i32) -> i32 {
  return total + dot4I8Packed(packed, 0x01010101u);
}
fn quantizeBlock(x: array<vec4<f32>, 8>) -> ByteBlock {
  var top = vec4<f32>(0.0);
  for (var j = 0u; j < 8u; j++) { top = max(top, abs(x[j])); }
  let largest = max(max(top.x, top.y), max(top.z, top.w));
  let inverse = select(0.0, 127.0 / largest, largest > 1e-30);
  var packed = array<u32, 8>();
  var total = 0;
  for (var j = 0u; j < 8u; j++) {
    packed[j] = roundedBytes(x[j], inverse);
    total = byteTotal(packed[j], total);
  }
  let scale = largest / 127.0;
  return ByteBlock(
    vec4<u32>(packed[0], packed[1], packed[2], packed[3]),
    vec4<u32>(packed[4], packed[5], packed[6], packed[7]),
    scale,
    scale * f32(total),
  );
}
`;
