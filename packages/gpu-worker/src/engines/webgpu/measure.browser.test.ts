import { expect, it } from 'vitest';
import { createTinyModel } from '../../testing/tiny-model.ts';
import { requestGpuDevice } from './device.ts';
import { createWebGpuEngine } from './engine.ts';
import { measureWebGpu } from './measure.ts';

it('asks less of the GPU per token than WebLLM does for as many layers', { timeout: 120_000 }, async () => {
  const gpu = await requestGpuDevice(navigator.gpu);
  const model = await createTinyModel({ matrixTypes: ['Q4_0'], architecture: { layerCount: 32 } });
  const engine = await createWebGpuEngine({ reader: model.createReader(), gpu }, { layers: { start: 0, end: 32 } });
  const { perToken, ...speeds } = await measureWebGpu(engine, { decodeTokens: 4, now: () => performance.now() });
  // WebLLM: 342 dispatches and 357 buffer writes for 32 layers.
  expect(perToken).toEqual({ dispatches: 32 * 6 + 3, submits: 1, bufferWrites: 1, bytesWritten: 96, bytesRead: 520 });
  for (const speed of Object.values(speeds)) expect(speed).toBeGreaterThan(0);
  expect(engine.usage().sequences).toBe(0);
  engine.dispose();
  gpu.device.destroy();
});
