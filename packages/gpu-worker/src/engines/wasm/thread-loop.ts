import { instantiateKernels } from './kernels.ts';
import type { ThreadStart } from './threads.ts';

/** A helper thread's life: says that it is ready, then blocks its thread in the kernels until they are stopped. */
export async function runThread(start: ThreadStart, ready: () => void): Promise<void> {
  const { module, memory, control, scores, thread, threads } = start;
  const kernels = await instantiateKernels(module, memory);
  kernels.initJobs(control, scores, thread, threads);
  ready();
  kernels.helpJobs();
}
