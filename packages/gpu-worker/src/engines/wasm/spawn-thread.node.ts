import { Worker } from 'node:worker_threads';
import type { HelperThread, ThreadStart } from './threads.ts';

/** A helper on a worker thread of Node. */
export function spawnThread(start: ThreadStart): HelperThread {
  const worker = new Worker(new URL('./thread.node.ts', import.meta.url), { workerData: start });
  worker.unref();
  const ready = new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve());
    worker.once('error', reject);
  });
  return { ready, terminate: () => void worker.terminate() };
}
