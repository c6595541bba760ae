import { Worker } from 'node:worker_threads';
import { createTextClientFor } from './text-client.ts';
import type { ResourceLimits, TransferListItem } from 'node:worker_threads';
import type { NodeWorkerData } from '../worker/node-worker-data.ts';
import type { TextModel } from './api.ts';
import type { TextClient } from './text-client.ts';

/** Twice what the largest prompt of an 8,192-token context takes in any script. */
const WORKER_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 768 };

/**
 * A model's text side in a worker thread of this process.
 *
 * @throws see `createTextClientFor`
 * @example
 * const text = await createTextClient({ manifest, weights: { kind: 'directory', path } });
 * const tokens = await text.encodeChat([{ role: 'user', content: 'Hello' }]);
 */
export const createTextClient = (model: TextModel): Promise<TextClient> =>
  createTextClientFor(model, {
    spawn: () => {
      const { port1, port2 } = new MessageChannel();
      const workerData: NodeWorkerData = { port: port2 };
      const worker = new Worker(new URL('./text-worker.node.ts', import.meta.url), {
        name: 'opengateway-text',
        workerData,
        transferList: [port2 as unknown as TransferListItem],
        resourceLimits: WORKER_LIMITS,
      });
      return {
        endpoint: port1,
        onFailure(listener) {
          worker.on('error', listener);
          worker.on('messageerror', listener);
          worker.on('exit', (code) => listener(new Error(`it ended with code ${code}`)));
        },
        async terminate() {
          port1.close();
          await worker.terminate();
        },
      };
    },
  });
