import { PACKAGE_CACHES } from './constants.ts';
import type { CachePlace } from './package-places.ts';

/** What the library keeps of packages in this origin's storage. */
export interface PackageCache {
  storedBytes(): Promise<number>;
  removeAll(): Promise<void>;
  /** A file; undefined where it is not there. */
  read(place: CachePlace): Promise<Blob | undefined>;
  /** Keeps a file as if the library had fetched it: whole, or not at all where `body` fails. @throws what it throws */
  write(place: CachePlace, body: ReadableStream<Uint8Array>, bytes: number): Promise<void>;
  remove(place: CachePlace): Promise<void>;
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
  async read({ cache, url }) {
    if (!(await caches.has(cache))) return undefined;
    const response = await (await caches.open(cache)).match(url);
    return response?.blob();
  },
  async write({ cache, url }, body, bytes) {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(bytes) };
    await (
      await caches.open(cache)
    ).put(url, new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>, { headers }));
  },
  async remove({ cache, url }) {
    if (await caches.has(cache)) await (await caches.open(cache)).delete(url);
  },
});

async function responseBytes(response: Response | undefined): Promise<number> {
  const length = Number(response?.headers.get('content-length') ?? Number.NaN);
  // Not told for what came compressed or in pieces.
  return Number.isSafeInteger(length) ? length : ((await response?.blob())?.size ?? 0);
}
