import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkEngine } from './check-engine.ts';
import { defaultThreads, mostThreads } from './default-threads.ts';
import { probeBrowser } from './probe-browser.ts';
import { probeNode } from './probe-node.ts';

const browser = (navigator: object, over: object = {}) =>
  ({ navigator, crossOriginIsolated: true, ...over }) as unknown as typeof globalThis;

const adapter = (info: object) => ({
  info: { vendor: '', architecture: '', description: '', isFallbackAdapter: false, ...info },
  features: new Set(['subgroups', 'depth-clip-control']),
  limits: { maxBufferSize: 1024, maxStorageBufferBindingSize: 512 },
});

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
        userAgentData: { mobile: true },
        connection: { type: 'wifi', downlink: 10, saveData: false },
        storage: { estimate: async () => ({ quota: 100, usage: 10 }), persisted: async () => true },
        gpu: {
          requestAdapter: async () => adapter({ vendor: 'google', architecture: 'swiftshader' }),
        },
      }),
    );
    expect(probe).toMatchObject({
      host: 'browser',
      cores: 8,
      memoryBytes: 4 * 2 ** 30,
      crossOriginIsolated: true,
      storage: { quotaBytes: 100, usedBytes: 10, persisted: true },
      isMobile: true,
      connection: { type: 'wifi', downlinkMbps: 10, saveData: false },
      graphics: {
        vendor: 'google',
        architecture: 'swiftshader',
        description: '',
        isFallback: false,
        isSoftware: true,
        features: ['subgroups'],
        maxBufferBytes: 1024,
        maxBindingBytes: 512,
      },
    });
  });

  it.each([
    [{ vendor: 'nvidia', architecture: 'ampere', description: 'NVIDIA GeForce RTX 3060' }, false],
    [{ vendor: 'intel', architecture: 'gen-12lp' }, false],
    [{ vendor: 'mesa', description: 'llvmpipe (LLVM 15.0.7, 256 bits)' }, true],
    [{ vendor: 'microsoft', description: 'Microsoft Basic Render Driver' }, true],
    [{ vendor: 'unknown', isFallbackAdapter: true }, true],
  ])('tells software adapters from real ones: %j', async (info, isSoftware) => {
    const probe = await probeBrowser(browser({ gpu: { requestAdapter: async () => adapter(info) } }));
    expect(probe.graphics?.isSoftware).toBe(isSoftware);
  });

  it.each([
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)', 5, true],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)', 5, true],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)', 0, false],
    ['Mozilla/5.0 (Linux; Android 15; Pixel 9)', 5, true],
    ['Mozilla/5.0 (X11; Linux x86_64)', 0, false],
  ])('knows phones and tablets: %s', async (userAgent, maxTouchPoints, isMobile) => {
    expect((await probeBrowser(browser({ userAgent, maxTouchPoints }))).isMobile).toBe(isMobile);
  });

  it('takes what is not offered, or fails, as not there', async () => {
    const refusing = {
      storage: { estimate: () => Promise.reject(new Error('denied')), persisted: async () => false },
      gpu: { requestAdapter: () => Promise.reject(new Error('blocked')) },
    };
    for (const navigator of [{}, refusing, { gpu: { requestAdapter: async () => null } }]) {
      const probe = await probeBrowser(browser(navigator));
      expect(probe).toMatchObject({ cores: 1, memoryBytes: null, storage: null, graphics: null, connection: null });
    }
  });

  it.each([
    [1, true, 1, 1],
    [2, true, 2, 1],
    [8, true, 8, 7],
    [64, true, 16, 16],
    [8, false, 1, 1],
  ])('lends all processors but one: %i, shared memory %s', (cores, wasmThreads, most, usual) => {
    expect([mostThreads({ cores, wasmThreads }), defaultThreads({ cores, wasmThreads })]).toEqual([most, usual]);
  });

  it('refuses an engine that the device cannot run', async () => {
    const probe = await probeNode(tmpdir());
    checkEngine(probe, 'wasm');
    checkEngine({ ...probe, kernels: null }, 'reference');
    const refused = expect.objectContaining({ code: 'unsupported_device' });
    expect(() => checkEngine({ ...probe, kernels: null }, 'wasm')).toThrow(refused);
    expect(() => checkEngine(probe, 'webgpu')).toThrow(refused);
    expect(() => checkEngine({ ...probe, host: 'browser' }, 'webllm')).toThrow(refused);
    const withGpu = await probeBrowser(browser({ gpu: { requestAdapter: async () => adapter({}) } }));
    checkEngine(withGpu, 'webgpu');
  });
});
