import { UnsupportedModelError } from '../errors.ts';
import type { WeightsPlatform } from '../../worker/weights-platform.ts';
import type { PackageCache } from './package-cache.ts';

/** A weights platform that also knows packages, which the library fetches and keeps by itself. */
export function withPackages(platform: WeightsPlatform, { cache }: { readonly cache: PackageCache }): WeightsPlatform {
  /** Counting goes through every stored answer, so it is done once after each change. */
  let counted: Promise<number> | null = null;
  return {
    async open(manifest, layers, location, options) {
      if (location.kind !== 'package') return platform.open(manifest, layers, location, options);
      return {
        reader: {
          manifest,
          read: async () => {
            throw new UnsupportedModelError('These weights are a package, which only WebLLM can read.');
          },
        },
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
