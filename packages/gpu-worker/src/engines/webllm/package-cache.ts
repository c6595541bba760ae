import { PACKAGE_CACHES } from './constants.ts';

/** What the library keeps of packages in this origin's storage. */
export interface PackageCache {
  storedBytes(): Promise<number>;
  removeAll(): Promise<void>;
}

/** `caches` is the global of that name; the library's own code is not needed to look after its caches. */
export const createPackageCache = (caches: CacheStorage): PackageCache => ({
  async storedBytes() {
    let bytes = 0;
    for (const name of PACKAGE_CACHES) {
      // `open` would make the cache of a library that was never used.
      if (!(await caches.has(name))) continue;
      const cache = await caches.open(name);
      for (const request of await cache.keys()) bytes += await responseBytes(await cache.match(request));
    }
    return bytes;
  },
  async removeAll() {
    for (const name of PACKAGE_CACHES) await caches.delete(name);
  },
});

async function responseBytes(response: Response | undefined): Promise<number> {
  const length = Number(response?.headers.get('content-length') ?? Number.NaN);
  // Not told for what came compressed or in pieces.
  return Number.isSafeInteger(length) ? length : ((await response?.blob())?.size ?? 0);
}
