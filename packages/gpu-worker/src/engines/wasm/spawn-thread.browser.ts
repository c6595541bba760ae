import type { HelperThread, ThreadStart } from './threads.ts';

/** A helper on a worker inside the engine's worker. */
export function spawnThread(start: ThreadStart): HelperThread {
  const worker = new Worker(new URL('./thread.browser.ts', import.meta.url), { type: 'module' });
  const ready = new Promise<void>((resolve, reject) => {
    worker.addEventListener('message', () => resolve(), { once: true });
    worker.addEventListener('error', (event) => reject(new Error(event.message)), { once: true });
  });
  worker.postMessage(start);
  return { ready, terminate: () => worker.terminate() };
}
