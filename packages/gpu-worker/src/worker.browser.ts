import { createSampler, systemClock } from '@opengateway/core';
import { expose } from 'comlink';
import { createBrowserEngine } from './engines/create-browser-engine.ts';
import { createPackageCache } from './engines/webllm/package-cache.ts';
import { withPackages } from './engines/webllm/with-packages.ts';
import { OPFS_SPARE_BYTES } from './storage/constants.ts';
import { createOpfsStore } from './storage/opfs.ts';
import { createEngineWorker } from './worker/engine-worker.ts';
import { keepErrorsTyped } from './worker/error-transfer.ts';
import { endWithNotice } from './worker/failure-notice.ts';
import { createWeightsPlatform } from './worker/weights-platform.ts';

/** The engine worker in a browser: a dedicated module worker. */
keepErrorsTyped();
const store = createOpfsStore({ storage: navigator.storage });
expose(
  createEngineWorker({
    weights: withPackages(createWeightsPlatform({ store, freeBytes }), {
      cache: createPackageCache(caches),
      store,
      freeBytes,
    }),
    createEngine: createBrowserEngine,
    createSampler,
    clock: systemClock,
    onEngineFailure: endWithNotice((notice) => globalThis.postMessage(notice)),
  }),
);

/** What the browser says that it would still keep for this page, less what its own records take. */
async function freeBytes(): Promise<number | undefined> {
  const { quota, usage } = await navigator.storage.estimate();
  return quota === undefined ? undefined : Math.max(0, quota - (usage ?? 0) - OPFS_SPARE_BYTES);
}
