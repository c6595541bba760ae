import { openPackage, unreadable } from './open-package.ts';
import type { WeightsPlatform } from '../../worker/weights-platform.ts';
import type { WeightsStore } from '../../storage/weights-store.ts';
import type { PackageCache } from './package-cache.ts';

export interface PackagesComponents {
  readonly cache: PackageCache;
  /** Has the chunks of listed files until they are whole. @default the library fetches them by itself */
  readonly store?: WeightsStore;
  /** What the browser would still keep, in bytes. @default not known */
  readonly freeBytes?: () => Promise<number | undefined>;
}

/**
 * A weights platform that also knows packages: the files that the catalogue lists are traded with peers and put where
 * the library reads them, the others it fetches and keeps by itself.
 */
export function withPackages(
  platform: WeightsPlatform,
  { cache, store, freeBytes }: PackagesComponents,
): WeightsPlatform {
  /** Counting goes through every stored answer, so it is done once after each change. */
  let counted: Promise<number> | null = null;
  return {
    async open(manifest, layers, location, options) {
      if (location.kind !== 'package') return platform.open(manifest, layers, location, options);
      const { package: modelPackage } = location;
      const port = options?.port;
      if (port !== undefined && store !== undefined && 'modelUrl' in modelPackage) {
        const components = { cache, store, ...(freeBytes === undefined ? {} : { freeBytes }) };
        const opened = await openPackage(components, manifest, modelPackage, { ...options, port });
        if (opened !== undefined) {
          counted = null;
          return { ...opened, close: async () => void (counted = null) };
        }
      }
      return {
        reader: unreadable(manifest),
        // The library does not tell what came over the network.
        fetchedBytes: () => 0,
        async close() {
          counted = null;
        },
      };
    },
    async storedBytes() {
      counted ??= cache.storedBytes();
      const stored = await platform.storedBytes();
      try {
        return stored + (await counted);
      } catch {
        // A browser that keeps nothing for this page: nothing that could be counted.
        counted = null;
        return stored;
      }
    },
    async forget() {
      counted = null;
      await platform.forget();
      await cache.removeAll();
    },
  };
}
