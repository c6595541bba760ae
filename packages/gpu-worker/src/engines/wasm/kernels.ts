import { fetchKernels } from '#fetch-kernels';
import { UnsupportedModelError } from '../errors.ts';

type Address = number;

/**
 * Exports of the AssemblyScript module (`assembly/`); every address is in bytes, every function synchronous. What
 * `add…` adds is computed by `runJobs`, over all threads.
 */
export interface Kernels {
  initJobs(control: Address, scores: Address, thread: number, threads: number): void;
  runJobs(): void;
  helpJobs(): void;
  stopHelpers(): void;
  addAttention(
    queries: Address,
    pages: Address,
    layerOffset: number,
    scoresStride: number,
    out: Address,
    keyValueHeads: number,
    group: number,
    headSize: number,
    length: number,
    rows: number,
    scores: Address,
  ): void;
  addMatmulF16: FloatProduct;
  addMatmulF32: FloatProduct;
  addMatmulQ4(
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
  addMatmulQ8(
    w: Address,
    x: Address,
    scales: Address,
    y: Address,
    rows: number,
    blocks: number,
    inputs: number,
    rowBytes: number,
  ): void;
  addSwiglu(gate: Address, up: Address, count: number): void;
  expectWeights(address: Address, bytes: number): void;
  addInPlace(x: Address, y: Address, count: number): void;
  embedF16: EmbedRow;
  embedF32: EmbedRow;
  embedQ4: EmbedRow;
  embedQ8: EmbedRow;
  quantize8(x: Address, q: Address, scales: Address, sums: Address, blocks: number): void;
  quantize16(x: Address, q: Address, scales: Address, blocks: number): void;
  repackF16: Repack;
  repackF32: Repack;
  repackQ4_0: Repack;
  repackQ4_1: Repack;
  repackQ8_0: Repack;
  rmsNorm(x: Address, weight: Address, out: Address, columns: number, rows: number, epsilon: number): void;
  rope(x: Address, table: Address, heads: number, headSize: number, dimensions: number, halves: boolean): void;
  ropeTable(out: Address, position: number, base: number, dimensions: number, halves: boolean): void;
  storeKeyValue(base: Address, slot: number, keys: Address, values: Address, heads: number, headSize: number): void;
}

type EmbedRow = (weights: Address, row: number, units: number, out: Address) => void;
type Repack = (source: Address, out: Address, rows: number, units: number) => void;
type FloatProduct = (
  w: Address,
  x: Address,
  y: Address,
  rows: number,
  columns: number,
  inputs: number,
  rowBytes: number,
) => void;

/** Two builds of one source, equal to the bit; `relaxed-simd` is the faster. */
export const KERNEL_VARIANTS = ['relaxed-simd', 'simd'] as const;
export type KernelVariant = (typeof KERNEL_VARIANTS)[number];

/** Magic, version, and one function that returns a v128. */
const FEATURE_TEST_HEAD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0];

/** `i32.const 1; i8x16.splat; i32.const 2; i8x16.splat` and then one operation of the proposal. */
const featureTest = (operation: readonly number[]): Uint8Array<ArrayBuffer> => {
  const code = [0, 65, 1, 253, 15, 65, 2, 253, 15, ...operation, 11];
  return new Uint8Array([...FEATURE_TEST_HEAD, 10, code.length + 2, 1, code.length, ...code]);
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

/** Whether memory can be shared with helper threads: in Node, and in a cross-origin isolated page. */
export const hasThreads = (): boolean => typeof SharedArrayBuffer === 'function';

/** A build, compiled; `threads` wants shared memory. */
export async function compileKernels(variant: KernelVariant, threads: boolean): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await fetchKernels(variant, threads));
}

/** One thread's instance of a build on the engine's memory. */
export async function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Kernels> {
  const instance = await WebAssembly.instantiate(module, { env: { memory, abort: abortKernel } });
  return instance.exports as unknown as Kernels;
}

function abortKernel(): never {
  throw new Error('A kernel was given an impossible size.');
}
