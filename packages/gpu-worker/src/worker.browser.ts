import { createSampler, systemClock } from '@opengateway/core';
import { expose } from 'comlink';
import { createEngine } from './engines/create-engine.ts';
import { createOpfsStore } from './storage/opfs.ts';
import { createEngineWorker } from './worker/engine-worker.ts';
import { keepErrorsTyped } from './worker/error-transfer.ts';
import { throwLater } from './worker/throw-later.ts';
import { createWeightsPlatform } from './worker/weights-platform.ts';

/** The engine worker in a browser: a dedicated module worker. */
keepErrorsTyped();
expose(
  createEngineWorker({
    weights: createWeightsPlatform({ store: createOpfsStore({ storage: navigator.storage }) }),
    createEngine,
    createSampler,
    clock: systemClock,
    onEngineFailure: throwLater,
  }),
);
