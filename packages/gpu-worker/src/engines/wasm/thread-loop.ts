import { instantiateKernels } from './kernels.ts';
import type { ThreadStart } from './threads.ts';

/** A helper thread's life: says that it is ready, then blocks its thread in the kernels until they are stopped. */
export async function runThread({ module, memory, control, scores }: ThreadStart, ready: () => void): Promise<void> {
  const kernels = await instantiateKernels(module, memory);
  kernels.initJobs(control, scores);
  ready();
  kernels.helpJobs();
}
