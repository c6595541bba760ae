import { SourceUnavailableError } from '@opengateway/core';
import { expose } from 'comlink';
import { createHttpSource } from '../storage/http-source.ts';
import { keepErrorsTyped } from '../worker/error-transfer.ts';
import { createTextWorker } from './text-worker.ts';

/**
 * The text worker in a browser: a dedicated module worker. It needs two of a model's chunks and leaves
 * them to the browser's own cache: the weights store is the engine worker's.
 */
keepErrorsTyped();
expose(
  createTextWorker({
    openSource: (location) => {
      if (location.kind === 'directory') throw new SourceUnavailableError('There are no local folders here.');
      return createHttpSource(
        { baseUrl: location.baseUrl },
        { fetch: (input, init) => fetch(input, { ...init, cache: 'default' }) },
      );
    },
  }),
);
