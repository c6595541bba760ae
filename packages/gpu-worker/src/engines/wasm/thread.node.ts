import { parentPort, workerData } from 'node:worker_threads';
import { runThread } from './thread-loop.ts';
import type { ThreadStart } from './threads.ts';

await runThread(workerData as ThreadStart, () => parentPort?.postMessage('ready'));
