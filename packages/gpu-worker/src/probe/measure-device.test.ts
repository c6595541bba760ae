import { describe, expect, it } from 'vitest';
import { createEngine } from '../engines/create-engine.ts';
import { MEASURE_BUDGET_MS } from './constants.ts';
import { measureDevice } from './measure-device.ts';
import { createSyntheticModel } from './synthetic-model.ts';

const components = { createEngine, gpu: undefined, now: () => performance.now() };
const request = { threads: 1, gpuMemoryBytes: 2 ** 30 } as const;

describe('measurement of a device', () => {
  it('measures memory and the CPU engine, and says which engines did not pass', async () => {
    const measured = await measureDevice(components, { ...request, engines: ['webgpu', 'wasm'] });
    expect(measured.graphics).toBeNull();
    expect(measured.memoryBandwidthBytesPerSecond).toBeGreaterThan(1e8);
    expect(measured.engines.map(({ engine }) => engine)).toEqual(['wasm']);
    expect(measured.engines[0]!.weightBytesPerSecond).toBeGreaterThan(1e7);
    expect(measured.failed).toEqual([{ engine: 'webgpu', reason: expect.stringContaining('WebGPU') }]);
  });

  it('leaves out what an engine that never ends would have told', async () => {
    let aborted = false;
    const stuck: typeof createEngine = (_kind, _components, { signal }) =>
      new Promise((_resolve, reject) =>
        signal!.addEventListener('abort', () => {
          aborted = true;
          reject(signal!.reason);
        }),
      );
    const measured = await measureDevice({ ...components, createEngine: stuck }, { ...request, engines: ['wasm'] });
    expect(aborted).toBe(true);
    expect(measured.engines).toEqual([]);
    expect(measured.failed).toEqual([{ engine: 'wasm', reason: 'There was no time left.' }]);
    expect(measured.elapsedMs).toBeGreaterThanOrEqual(MEASURE_BUDGET_MS - 50);
  });
});

describe('synthetic model', () => {
  it('gives every piece the same bytes each time, and every row its own', async () => {
    const { reader, weightBytes } = createSyntheticModel();
    expect(weightBytes).toBe(reader.manifest.files[0]!.bytes);
    const matrix = reader.manifest.tensors.find(({ name }) => name === 'blk.0.attn_q.weight')!;
    const rowBytes = matrix.bytes / matrix.shape[1]!;
    const row = async (index: number) => Buffer.from(await reader.read(matrix, index * rowBytes, rowBytes));
    expect((await row(1)).equals(await row(1))).toBe(true);
    expect((await row(1)).equals(await row(2))).toBe(false);
  });
});
