import { createEngineClientFor } from './worker/engine-client.ts';
import { spawnNodeWorker } from './worker/spawn-node-worker.ts';
import type { ResourceLimits } from 'node:worker_threads';
import type { EngineClient, EngineClientInit } from './worker/engine-client.ts';

export * from './api.ts';
export { UnsupportedDeviceError, checkEngine } from './probe/check-engine.ts';
export { probeNode } from './probe/probe-node.ts';
export { defaultThreads } from './probe/default-threads.ts';
export type { DeviceProbe, GraphicsProbe, StorageProbe } from './probe/types.ts';
export { createTextClient } from './text/node.ts';
export type { TextModel } from './text/api.ts';
export type { TextClient } from './text/text-client.ts';
export type { EngineClient } from './worker/engine-client.ts';

export interface NodeEngineClientInit extends EngineClientInit {
  /** Folder that keeps fetched weights. @default none: they are fetched every time */
  readonly storeDirectory?: string;
}

/**
 * Heap of the worker's own JavaScript; weights and cache lie outside it. A small young generation keeps
 * what a token leaves behind from growing the process.
 */
const WORKER_LIMITS: ResourceLimits = { maxYoungGenerationSizeMb: 3, maxOldGenerationSizeMb: 256 };

/**
 * The engine in a worker thread of this process. The thread starts with the first call.
 *
 * @example
 * const engine = createEngineClient({ storeDirectory });
 * await engine.load({ manifest, weights: { kind: 'directory', path }, engine: 'wasm', layers });
 */
export const createEngineClient = ({ storeDirectory, weights }: NodeEngineClientInit = {}): EngineClient =>
  createEngineClientFor(
    () =>
      spawnNodeWorker(new URL('./worker.node.ts', import.meta.url), {
        name: 'opengateway-engine',
        resourceLimits: WORKER_LIMITS,
        ...(storeDirectory === undefined ? {} : { storeDirectory }),
      }),
    { weights },
  );
