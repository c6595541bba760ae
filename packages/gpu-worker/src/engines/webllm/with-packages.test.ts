import { errorCode } from '@opengateway/core';
import { describe, expect, it } from 'vitest';
import { createTinyModel } from '../../testing/tiny-model.ts';
import { withPackages } from './with-packages.ts';
import type { WeightsPlatform } from '../../worker/weights-platform.ts';
import type { PackageCache } from './package-cache.ts';

async function setup(over: Partial<PackageCache> = {}) {
  const { manifest } = await createTinyModel();
  const log: string[] = [];
  const opened = {
    reader: { manifest, read: async () => new Uint8Array(1) },
    fetchedBytes: () => 1,
    close: async () => {},
  };
  const inner: WeightsPlatform = {
    open: async (_manifest, _layers, { kind }) => {
      log.push(`open ${kind}`);
      return opened;
    },
    storedBytes: async () => 100,
    forget: async () => void log.push('forget files'),
  };
  let counted = 0;
  const cache: PackageCache = {
    storedBytes: async () => 10 * ++counted,
    removeAll: async () => void log.push('forget packages'),
    read: async () => undefined,
    write: async () => {},
    remove: async () => {},
    ...over,
  };
  return { platform: withPackages(inner, { cache }), manifest, opened, log };
}

const LAYERS = { start: 0, end: 4 };
const PACKAGE = { kind: 'package', package: { engine: 'webllm', prebuilt: 'Tiny-MLC' } } as const;

describe('weights platform with packages', () => {
  it('leaves files to the platform within', async () => {
    const { platform, manifest, opened } = await setup();
    expect(await platform.open(manifest, LAYERS, { kind: 'http', baseUrl: 'https://relay.test/' })).toBe(opened);
  });

  it('opens a package without reading anything, and lets no other engine read it', async () => {
    const { platform, manifest, log } = await setup();
    const { reader, close } = await platform.open(manifest, LAYERS, PACKAGE);
    expect(reader.manifest).toBe(manifest);
    const reading = reader.read(manifest.tensors[0]!, 0, 1);
    expect(await reading.then(() => 'read', errorCode)).toBe('unsupported_model');
    await close();
    expect(log).toEqual([]);
  });

  it('counts both kinds of weights, packages once after each change', async () => {
    const { platform, manifest } = await setup();
    expect(await platform.storedBytes()).toBe(110);
    expect(await platform.storedBytes()).toBe(110);
    await (await platform.open(manifest, LAYERS, PACKAGE)).close();
    expect(await platform.storedBytes()).toBe(120);
  });

  it('counts files where packages cannot be counted', async () => {
    const { platform } = await setup({
      storedBytes: () => Promise.reject(new DOMException('insecure', 'SecurityError')),
    });
    expect(await platform.storedBytes()).toBe(100);
  });

  it('forgets both', async () => {
    const { platform, log } = await setup();
    await platform.forget();
    expect(log).toEqual(['forget files', 'forget packages']);
  });
});
