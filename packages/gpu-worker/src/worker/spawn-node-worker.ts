import { Worker } from 'node:worker_threads';
import type { ResourceLimits, TransferListItem } from 'node:worker_threads';
import type { NodeWorkerData } from './node-worker-data.ts';

/** A worker thread of this process behind a message channel, as the clients of engine and text take it. */
export function spawnNodeWorker(
  script: URL,
  { name, resourceLimits, ...data }: { name: string; resourceLimits: ResourceLimits } & Omit<NodeWorkerData, 'port'>,
) {
  const { port1, port2 } = new MessageChannel();
  const workerData: NodeWorkerData = { ...data, port: port2 };
  const worker = new Worker(script, {
    name,
    workerData,
    transferList: [port2 as unknown as TransferListItem],
    resourceLimits,
  });
  return {
    endpoint: port1,
    onFailure(listener: (error: unknown) => void) {
      worker.on('error', listener);
      worker.on('messageerror', listener);
      worker.on('exit', (code) => listener(new Error(`it ended with code ${code}`)));
    },
    async terminate() {
      port1.close();
      await worker.terminate();
    },
  };
}
