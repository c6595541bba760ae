import { createTextClient } from '@opengateway/gpu-worker/node';
import type { OpenTextClient } from './text-models.ts';

/** A model's tokenizer in a worker thread, reading the catalogue's own files, or those it names elsewhere. */
export const openTextClient: OpenTextClient = ({ manifest, directory, fileUrls }) => {
  const elsewhere = fileUrls.get(manifest.tokenizer.source.file);
  return createTextClient({
    manifest,
    weights:
      elsewhere === undefined
        ? { kind: 'directory', path: directory }
        : { kind: 'http', baseUrl: new URL('.', elsewhere).href },
  });
};
