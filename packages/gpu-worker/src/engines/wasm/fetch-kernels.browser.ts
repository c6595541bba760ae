import type { KernelVariant } from './kernels.ts';

/** The compiled module of a build, as the site's bundler placed it. */
export async function fetchKernels(variant: KernelVariant): Promise<ArrayBuffer> {
  const url =
    variant === 'relaxed-simd'
      ? new URL('../../../dist/kernels-relaxed-simd.wasm', import.meta.url)
      : new URL('../../../dist/kernels-simd.wasm', import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The compute kernels could not be fetched (HTTP ${response.status}).`);
  return response.arrayBuffer();
}
