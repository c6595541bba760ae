import { spawnNodeWorker } from '../worker/spawn-node-worker.ts';
import { createTextClientFor } from './text-client.ts';
import type { ResourceLimits } from 'node:worker_threads';
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
    spawn: () =>
      spawnNodeWorker(new URL('./text-worker.node.ts', import.meta.url), {
        name: 'opengateway-text',
        resourceLimits: WORKER_LIMITS,
      }),
  });
