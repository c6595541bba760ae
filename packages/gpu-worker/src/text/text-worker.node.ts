import { workerData } from 'node:worker_threads';
import { expose } from 'comlink';
import { createDirectorySource } from '../storage/directory-source.ts';
import { createHttpSource } from '../storage/http-source.ts';
import { keepErrorsTyped } from '../worker/error-transfer.ts';
import { createTextWorker } from './text-worker.ts';
import type { NodeWorkerData } from '../worker/node-worker-data.ts';

/** The text worker in Node: a worker thread, spoken to over a port that its maker gave it. */
const { port } = workerData as NodeWorkerData;

keepErrorsTyped();
expose(
  createTextWorker({
    openSource: (location) =>
      location.kind === 'directory'
        ? createDirectorySource({ path: location.path })
        : createHttpSource({ baseUrl: location.baseUrl }),
  }),
  port,
);
