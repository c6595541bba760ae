import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkEngine } from './check-engine.ts';
import { probeBrowser } from './probe-browser.ts';
import { probeNode } from './probe-node.ts';

const browser = (navigator: object, over: object = {}) =>
  ({ navigator, crossOriginIsolated: true, ...over }) as unknown as typeof globalThis;

describe('device probe', () => {
  it('tells what this machine has, also for a folder that does not exist yet', async () => {
    const probe = await probeNode(join(tmpdir(), 'not-there', 'yet'));
    expect(probe).toMatchObject({ host: 'node', graphics: null, wasmThreads: true });
    expect(probe.cores).toBeGreaterThan(0);
    expect(probe.memoryBytes).toBeGreaterThan(0);
    expect(['relaxed-simd', 'simd']).toContain(probe.kernels);
    expect(probe.storage!.quotaBytes).toBeGreaterThan(probe.storage!.usedBytes);
  });

  it('tells what a browser says of itself', async () => {
    const probe = await probeBrowser(
      browser({
        hardwareConcurrency: 8,
        deviceMemory: 4,
        storage: { estimate: async () => ({ quota: 100, usage: 10 }), persisted: async () => true },
        gpu: {
          requestAdapter: async () => ({
            info: { vendor: 'google', architecture: 'swiftshader', isFallbackAdapter: true },
          }),
        },
      }),
    );
    expect(probe).toMatchObject({
      host: 'browser',
      cores: 8,
      memoryBytes: 4 * 2 ** 30,
      crossOriginIsolated: true,
      storage: { quotaBytes: 100, usedBytes: 10, persisted: true },
      graphics: { vendor: 'google', architecture: 'swiftshader', description: '', isFallback: true },
    });
  });

  it('takes what is not offered, or fails, as not there', async () => {
    const refusing = {
      storage: { estimate: () => Promise.reject(new Error('denied')), persisted: async () => false },
      gpu: { requestAdapter: () => Promise.reject(new Error('blocked')) },
    };
    for (const navigator of [{}, refusing, { gpu: { requestAdapter: async () => null } }]) {
      const probe = await probeBrowser(browser(navigator));
      expect(probe).toMatchObject({ cores: 1, memoryBytes: null, storage: null, graphics: null });
    }
  });

  it('refuses an engine that the device cannot run', async () => {
    const probe = await probeNode(tmpdir());
    checkEngine(probe, 'wasm');
    checkEngine({ ...probe, kernels: null }, 'reference');
    const refused = expect.objectContaining({ code: 'unsupported_device' });
    expect(() => checkEngine({ ...probe, kernels: null }, 'wasm')).toThrow(refused);
    expect(() => checkEngine(probe, 'webgpu')).toThrow(refused);
  });
});
