import { createTextClient } from '@opengateway/gpu-worker/node';
import type { OpenTextClient } from './text-models.ts';

/** A model's tokenizer in a worker thread, reading the catalogue's own files. */
export const openTextClient: OpenTextClient = ({ manifest, directory }) =>
  createTextClient({ manifest, weights: { kind: 'directory', path: directory } });
