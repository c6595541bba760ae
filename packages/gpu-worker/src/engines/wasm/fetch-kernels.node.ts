import { readFile } from 'node:fs/promises';
import type { KernelVariant } from './kernels.ts';

/** The compiled module of a build, from the package's build folder. */
export async function fetchKernels(variant: KernelVariant): Promise<BufferSource> {
  return new Uint8Array(await readFile(new URL(`../../../dist/kernels-${variant}.wasm`, import.meta.url)));
}
