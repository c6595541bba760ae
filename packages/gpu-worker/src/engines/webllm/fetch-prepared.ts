import { PACKAGE_CACHES } from './constants.ts';

/** A `fetch` of what was put into the library's caches, and of the network for the rest. */
export const fetchPrepared =
  (caches: CacheStorage, fetch: typeof globalThis.fetch): typeof globalThis.fetch =>
  async (input, init) => {
    for (const cacheName of PACKAGE_CACHES) {
      const found = await caches.match(input, { cacheName });
      if (found !== undefined) return found;
    }
    return fetch(input, init);
  };

/** Of the progress of a package that came before, only that it is loaded: the library counts it all over again. */
export const onlyTheEnd =
  (onProgress: (doneBytes: number, totalBytes: number) => void) =>
  (doneBytes: number, totalBytes: number): void => {
    if (doneBytes === totalBytes) onProgress(doneBytes, totalBytes);
  };
