import { describe, expect, it } from 'vitest';
import { candidateEngines, chooseEngine } from './choose-engine.ts';
import type { DeviceMeasurement, DeviceProbe, GraphicsProbe } from '../probe/types.ts';

const graphics: GraphicsProbe = {
  vendor: 'nvidia',
  architecture: 'ampere',
  description: '',
  isFallback: false,
  isSoftware: false,
  features: [],
  maxBufferBytes: 2 ** 31,
  maxBindingBytes: 2 ** 31,
};
const probe: DeviceProbe = {
  host: 'browser',
  isMobile: false,
  cores: 8,
  memoryBytes: null,
  kernels: 'relaxed-simd',
  wasmThreads: true,
  crossOriginIsolated: true,
  storage: null,
  graphics,
  connection: null,
};
const software = { ...probe, graphics: { ...graphics, isSoftware: true } };
const none = { ...probe, graphics: null };

const measured = (speeds: Partial<Record<'webgpu' | 'wasm', number>>, failed = ''): DeviceMeasurement => ({
  memoryBandwidthBytesPerSecond: 1,
  graphics: null,
  engines: Object.entries(speeds).map(([engine, weightBytesPerSecond]) => ({
    engine: engine as 'webgpu' | 'wasm',
    variant: '',
    weightBytesPerSecond,
    prefillTokensPerSecond: 1,
  })),
  failed: failed === '' ? [] : [{ engine: 'webgpu', reason: failed }],
  elapsedMs: 1,
});

describe('choice of an engine', () => {
  it.each([
    ['a GPU that was measured to be faster', probe, measured({ webgpu: 50, wasm: 10 }), 'webgpu', '5.0 times'],
    ['a GPU that was measured to be slower', probe, measured({ webgpu: 5, wasm: 10 }), 'wasm', '0.5 times'],
    ['a GPU that is hardly faster', probe, measured({ webgpu: 10.5, wasm: 10 }), 'wasm', '1.1 times'],
    ['a GPU that did not pass', probe, measured({ wasm: 10 }, 'It was lost.'), 'wasm', 'It was lost.'],
    ['a GPU of which nothing is known', probe, null, 'webgpu', 'Nothing was measured yet'],
    ['a software GPU', software, measured({ webgpu: 50, wasm: 10 }), 'wasm', 'software'],
    ['no GPU', none, null, 'wasm', 'no GPU'],
    ['a GPU and no SIMD', { ...probe, kernels: null }, null, 'webgpu', 'no WebAssembly SIMD'],
  ])('with %s', (_name, device, measurement, engine, words) => {
    const choice = chooseEngine({ probe: device, measurement });
    expect(choice.engine).toBe(engine);
    expect(choice.reason).toContain(words);
    expect(choice.reason.startsWith(`${engine}: `)).toBe(true);
  });

  it('obeys whoever asks for one, then the model that needs one', () => {
    expect(chooseEngine({ probe: software, measurement: null, forced: 'webgpu' }).engine).toBe('webgpu');
    expect(chooseEngine({ probe, measurement: null, packageEngine: 'webllm' }).engine).toBe('webllm');
    expect(chooseEngine({ probe, measurement: null, forced: 'wasm', packageEngine: 'webllm' }).engine).toBe('wasm');
  });

  it('has only engines measured that could be chosen', () => {
    expect(candidateEngines(probe)).toEqual(['webgpu', 'wasm']);
    expect(candidateEngines(software)).toEqual(['wasm']);
    expect(candidateEngines(none)).toEqual(['wasm']);
    expect(candidateEngines({ ...none, kernels: null })).toEqual([]);
  });
});
