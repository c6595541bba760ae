import { hostKernelVariant } from '../engines/wasm/kernels.ts';
import type { KernelVariant } from '../engines/wasm/kernels.ts';

/** The fastest build of the CPU engine this host runs, or null. */
export function probeKernels(): KernelVariant | null {
  try {
    return hostKernelVariant();
  } catch {
    // Having no SIMD is an answer here, not a failure.
    return null;
  }
}

/** A module with a shared memory of one page. */
const THREADS_TEST = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 4, 1, 3, 1, 1]);

/** Whether threads can share WebAssembly memory: the engine knows how, and the page is isolated. */
export const probeWasmThreads = (): boolean =>
  typeof SharedArrayBuffer === 'function' && WebAssembly.validate(THREADS_TEST);
