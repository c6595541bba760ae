import { readFile } from 'node:fs/promises';
import type { KernelVariant } from './kernels.ts';

/** The bytes of a build, from the package's build folder. */
export async function fetchKernels(variant: KernelVariant, threads: boolean): Promise<BufferSource> {
  const name = `kernels-${variant}${threads ? '-threads' : ''}.wasm`;
  return new Uint8Array(await readFile(new URL(`../../../dist/${name}`, import.meta.url)));
}
