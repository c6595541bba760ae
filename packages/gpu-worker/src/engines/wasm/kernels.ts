import { fetchKernels } from '#fetch-kernels';
import { UnsupportedModelError } from '../errors.ts';

type Address = number;

/** Exports of the AssemblyScript module (`assembly/`); every address is in bytes, every function synchronous. */
export interface Kernels {
  attention(
    query: Address,
    pages: Address,
    layerOffset: number,
    queryHeads: number,
    keyValueHeads: number,
    headSize: number,
    length: number,
    scores: Address,
    scoresStride: number,
    out: Address,
  ): void;
  embedF16(weights: Address, row: number, columns: number, out: Address): void;
  embedF32(weights: Address, row: number, columns: number, out: Address): void;
  embedQ4(weights: Address, row: number, blocks: number, out: Address): void;
  embedQ8(weights: Address, row: number, blocks: number, out: Address): void;
  addInPlace(x: Address, y: Address, count: number): void;
  swiglu(gate: Address, up: Address, count: number): void;
  storeKeyValue(base: Address, slot: number, keys: Address, values: Address, heads: number, headSize: number): void;
  matmulF16(w: Address, x: Address, y: Address, rows: number, columns: number, inputs: number, rowBytes: number): void;
  matmulF32(w: Address, x: Address, y: Address, rows: number, columns: number, inputs: number, rowBytes: number): void;
  matmulQ4(
    w: Address,
    x: Address,
    scales: Address,
    sums: Address,
    y: Address,
    rows: number,
    blocks: number,
    inputs: number,
    rowBytes: number,
  ): void;
  matmulQ8(
    w: Address,
    x: Address,
    scales: Address,
    y: Address,
    rows: number,
    blocks: number,
    inputs: number,
    rowBytes: number,
  ): void;
  rmsNorm(x: Address, weight: Address, out: Address, columns: number, rows: number, epsilon: number): void;
  quantize8(x: Address, q: Address, scales: Address, sums: Address, blocks: number): void;
  quantize16(x: Address, q: Address, scales: Address, blocks: number): void;
  repackF16(source: Address, out: Address, rows: number, columns: number): void;
  repackF32(source: Address, out: Address, rows: number, columns: number): void;
  repackQ4_0(source: Address, out: Address, rows: number, blocks: number): void;
  repackQ4_1(source: Address, out: Address, rows: number, blocks: number): void;
  repackQ8_0(source: Address, out: Address, rows: number, blocks: number): void;
  rope(x: Address, table: Address, heads: number, headSize: number, dimensions: number, halves: boolean): void;
  ropeTable(out: Address, position: number, base: number, dimensions: number, halves: boolean): void;
}

/** Two builds of one source, equal to the bit; `relaxed-simd` is the faster. */
export const KERNEL_VARIANTS = ['relaxed-simd', 'simd'] as const;
export type KernelVariant = (typeof KERNEL_VARIANTS)[number];

/** `i32.const 1; i8x16.splat; i32.const 2; i8x16.splat` and then one operation of the proposal. */
const featureTest = (operation: readonly number[]): Uint8Array<ArrayBuffer> => {
  const code = [0, 65, 1, 253, 15, 65, 2, 253, 15, ...operation, 11];
  return new Uint8Array([
    ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
    ...[10, code.length + 2, 1, code.length, ...code],
  ]);
};
/** i8x16.add, and i16x8.relaxed_dot_i8x16_i7x16_s. */
const SIMD_TEST = featureTest([253, 110]);
const RELAXED_SIMD_TEST = featureTest([253, 146, 2]);

/**
 * The fastest build this host runs.
 *
 * @throws UnsupportedModelError where the host has no WebAssembly SIMD.
 */
export function hostKernelVariant(): KernelVariant {
  if (WebAssembly.validate(RELAXED_SIMD_TEST)) return 'relaxed-simd';
  if (WebAssembly.validate(SIMD_TEST)) return 'simd';
  throw new UnsupportedModelError('This browser has no WebAssembly SIMD; update it to serve on the CPU.');
}

/** Compiles a build and instantiates it on `memory`. */
export async function instantiateKernels(memory: WebAssembly.Memory, variant: KernelVariant): Promise<Kernels> {
  const abort = () => {
    throw new Error('A kernel was given an impossible size.');
  };
  const module = await WebAssembly.compile(await fetchKernels(variant));
  const instance = await WebAssembly.instantiate(module, { env: { memory, abort } });
  return instance.exports as unknown as Kernels;
}
