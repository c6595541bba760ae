import { workerData } from 'node:worker_threads';
import { createSampler, systemClock } from '@opengateway/core';
import { expose } from 'comlink';
import { createEngine } from './engines/create-engine.ts';
import { createDirectorySource } from './storage/directory-source.ts';
import { createFileSystemStore, freeDiskBytes } from './storage/file-system.ts';
import { createEngineWorker } from './worker/engine-worker.ts';
import { keepErrorsTyped } from './worker/error-transfer.ts';
import { endWithNotice } from './worker/failure-notice.ts';
import { createWeightsPlatform } from './worker/weights-platform.ts';
import type { NodeWorkerData } from './worker/node-worker-data.ts';

/** The engine worker in Node: a worker thread, spoken to over a port that its maker gave it. */
const { port, storeDirectory } = workerData as NodeWorkerData;

keepErrorsTyped();
expose(
  createEngineWorker({
    weights: createWeightsPlatform({
      openDirectory: (path) => createDirectorySource({ path }),
      ...(storeDirectory === undefined
        ? {}
        : {
            store: createFileSystemStore({ directory: storeDirectory }),
            freeBytes: () => freeDiskBytes(storeDirectory),
          }),
    }),
    createEngine,
    createSampler,
    clock: systemClock,
    onEngineFailure: endWithNotice((notice) => port.postMessage(notice)),
  }),
  port,
);
