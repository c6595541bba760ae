import type { KernelVariant } from './kernels.ts';

// Written out one by one: the site's bundler places only files whose whole name it can read.
const URLS = {
  'relaxed-simd': new URL('../../../dist/kernels-relaxed-simd.wasm', import.meta.url),
  'relaxed-simd-threads': new URL('../../../dist/kernels-relaxed-simd-threads.wasm', import.meta.url),
  simd: new URL('../../../dist/kernels-simd.wasm', import.meta.url),
  'simd-threads': new URL('../../../dist/kernels-simd-threads.wasm', import.meta.url),
};

/** The bytes of a build, as the site's bundler placed them. */
export async function fetchKernels(variant: KernelVariant, threads: boolean): Promise<ArrayBuffer> {
  const response = await fetch(URLS[threads ? (`${variant}-threads` as const) : variant]);
  if (!response.ok) throw new Error(`The compute kernels could not be fetched (HTTP ${response.status}).`);
  return response.arrayBuffer();
}
