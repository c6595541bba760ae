import { readFile } from 'node:fs/promises';
import type { KernelVariant } from '../../../packages/gpu-worker/src/engines/wasm/kernels.ts';

/** Replaces gpu-worker's own in the built contributor, which lies as deep as this file but elsewhere. */
export async function fetchKernels(variant: KernelVariant): Promise<BufferSource> {
  const file = new URL(`../../../packages/gpu-worker/dist/kernels-${variant}.wasm`, import.meta.url);
  return new Uint8Array(await readFile(file));
}
