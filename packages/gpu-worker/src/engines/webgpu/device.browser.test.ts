import { afterEach, describe, expect, it } from 'vitest';
import { createTinyModel } from '../../testing/tiny-model.ts';
import { rejection, step } from '../contract/harness.ts';
import { GpuDevice, requestGpuDevice } from './device.ts';
import { createWebGpuEngine } from './engine.ts';
import { GpuMemory } from './gpu-memory.ts';

const devices: GPUDevice[] = [];
afterEach(() => {
  for (const device of devices.splice(0)) device.destroy();
});

async function openDevice(): Promise<GpuDevice> {
  const gpu = await requestGpuDevice(navigator.gpu);
  devices.push(gpu.device);
  return gpu;
}

const LAYERS = { start: 0, end: 4 };
const model = await createTinyModel({ matrixTypes: ['Q4_1'] });

describe('requestGpuDevice', () => {
  it('says in a sentence why there is none', async () => {
    const unavailable = rejection('gpu_unavailable') as Error;
    await expect(requestGpuDevice(undefined)).rejects.toThrow(unavailable);
    const none = { requestAdapter: async () => null } as unknown as GPU;
    await expect(requestGpuDevice(none)).rejects.toThrow(unavailable);
  });

  it('tells a software adapter from a GPU', async () => {
    const gpu = await openDevice();
    // The tests' own Chromium computes on the CPU.
    expect(gpu.isSoftware).toBe(true);
    expect(gpu.description).toContain('swiftshader');
  });

  it('asks for what large models need', async () => {
    const { device } = await openDevice();
    const adapter = await navigator.gpu.requestAdapter();
    expect(device.limits.maxStorageBufferBindingSize).toBe(adapter!.limits.maxStorageBufferBindingSize);
    expect(device.limits.maxBufferSize).toBe(adapter!.limits.maxBufferSize);
  });
});

describe('a lost device', () => {
  it('rejects the forward under way with device_lost, and every later call', async () => {
    const gpu = await openDevice();
    const failures: unknown[] = [];
    const onFailure = (error: unknown) => failures.push(error);
    const engine = await createWebGpuEngine({ reader: model.createReader(), gpu }, { layers: LAYERS, onFailure });
    const sequence = engine.open({ maxTokens: 64 });
    const tokens = Int32Array.from({ length: 30 }, (_, index) => index);
    const lost = expect.objectContaining({ code: 'device_lost', retryable: true }) as Error;
    const heard = new Promise((resolve) => gpu.on('lost', (event) => resolve(event.detail)));
    const running = step(engine, sequence, tokens, 'last-logits');
    const waiting = step(engine, sequence, tokens, 'none');
    gpu.device.destroy();
    await expect(running).rejects.toThrow(lost);
    await expect(waiting).rejects.toThrow(lost);
    expect(await heard).toMatchObject({ code: 'device_lost', reason: 'destroyed' });
    expect(failures).toMatchObject([{ code: 'device_lost' }]);
    await expect(step(engine, sequence, tokens, 'none')).rejects.toThrow(lost);
    expect(() => engine.open({ maxTokens: 8 })).toThrow(lost);
    expect(engine.length(sequence)).toBe(0);
    await expect(createWebGpuEngine({ reader: model.createReader(), gpu }, { layers: LAYERS })).rejects.toThrow(lost);
    engine.dispose();
    expect(engine.usage()).toEqual({ sequences: 0, kvReservedBytes: 0 });
  });

  it('ends the loading under way', async () => {
    const gpu = await openDevice();
    const onProgress = () => gpu.device.destroy();
    const loading = createWebGpuEngine({ reader: model.createReader(), gpu }, { layers: LAYERS, onProgress });
    await expect(loading).rejects.toThrow(rejection('device_lost') as Error);
  });
});

describe('a failing device', () => {
  it('rejects the forward under way and reports, and computes the next', async () => {
    const gpu = await openDevice();
    const engine = await createWebGpuEngine({ reader: model.createReader(), gpu }, { layers: LAYERS });
    const sequence = engine.open({ maxTokens: 64 });
    const tokens = Int32Array.of(1, 2, 3);
    const reported: unknown[] = [];
    gpu.on('error', (event) => reported.push(event.detail));
    const running = step(engine, sequence, tokens, 'last-logits');
    // Something goes wrong between the submit and its results.
    await Promise.resolve();
    gpu.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    await expect(running).rejects.toThrow(expect.objectContaining({ code: 'engine_failed', retryable: true }) as Error);
    expect(reported).toMatchObject([{ code: 'engine_failed' }]);
    expect(engine.length(sequence)).toBe(0);
    expect(await step(engine, sequence, tokens, 'last-logits')).toHaveLength(320);
    engine.dispose();
  });
});

describe('memory', () => {
  it('is back where it was after a hundred sequences, and gone when disposed', async () => {
    const gpu = await openDevice();
    const oneLayer = await createTinyModel({ matrixTypes: ['Q4_1'], architecture: { layerCount: 1 } });
    const init = { layers: { start: 0, end: 1 } };
    const engine = await createWebGpuEngine({ reader: oneLayer.createReader(), gpu }, init);
    await step(engine, engine.open({ maxTokens: 8 }), Int32Array.of(1, 2, 3), 'last-logits');
    const before = engine.memoryBytes();
    for (let round = 0; round < 100; round++) {
      const sequence = engine.open({ maxTokens: 40 });
      await step(engine, sequence, Int32Array.of(1, 2, 3), round % 2 === 0 ? 'none' : 'top-k');
      engine.close(sequence);
    }
    expect(engine.memoryBytes()).toBe(before);
    engine.dispose();
    expect(engine.memoryBytes()).toBe(0);
  });

  it('that cannot be had is a typed error, and nothing stays behind', async () => {
    const gpu = await openDevice();
    const kvBudgetBytes = 2 ** 40;
    const wide = await createTinyModel({ architecture: { contextLength: 2 ** 24 } });
    const creating = createWebGpuEngine(
      { reader: wide.createReader(), gpu },
      { layers: LAYERS, kvBudgetBytes, maxSequences: 512 },
    );
    await expect(creating).rejects.toThrow(rejection('insufficient_memory') as Error);
    const memory = new GpuMemory(gpu);
    expect(() => memory.allocate('too large', 2 ** 40)).toThrow(rejection('insufficient_memory') as Error);
  });
});

describe('matrices too large to be bound at once', () => {
  it('are cut by rows, and give the same bits', async () => {
    const gpu = await openDevice();
    const tokens = Int32Array.of(5, 300, 7, 8);
    const results = [];
    for (const tiedEmbeddings of [false, true]) {
      const cut = await createTinyModel({ architecture: { tiedEmbeddings, layerCount: 1 } });
      for (const maxBindingBytes of [2 ** 27, 6000]) {
        const init = { layers: { start: 0, end: 1 }, maxBindingBytes, kvBudgetBytes: 2 ** 20 };
        const engine = await createWebGpuEngine({ reader: cut.createReader(), gpu }, init);
        const sequence = engine.open({ maxTokens: 8 });
        results.push([
          ...(await step(engine, sequence, tokens, 'all-logits')),
          ...(await step(engine, sequence, tokens.subarray(0, 1), 'last-logits')),
        ]);
        engine.dispose();
      }
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[3]).toEqual(results[2]);
  });
});

describe('top-k', () => {
  it('gives the best of the row that last-logits gives, beside other outputs', async () => {
    const gpu = await openDevice();
    const engine = await createWebGpuEngine({ reader: model.createReader(), gpu }, { layers: LAYERS });
    const tokens = Int32Array.of(5, 6, 7, 8);
    const open = () => engine.open({ maxTokens: 8 });
    const steps = (['all-logits', 'top-k', 'hidden', 'top-k', 'last-logits'] as const).map((output) => {
      return { sequence: open(), input: tokens, output };
    });
    const outputs = await engine.forward(steps);
    const row = outputs[4]!.values;
    expect(outputs[0]!.values.subarray(-320)).toEqual(row);
    const best = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]! || a - b);
    for (const { top, values } of [outputs[1]!, outputs[3]!]) {
      expect(values).toHaveLength(0);
      expect(Array.from(top!.tokens)).toEqual(best.slice(0, engine.info.topK));
      expect(Array.from(top!.logits)).toEqual(Array.from(top!.tokens, (token) => row[token]));
      const sum = row.reduce((total, logit) => total + Math.exp(logit - row[best[0]!]!), 0);
      expect(top!.logSumExp).toBeCloseTo(row[best[0]!]! + Math.log(sum), 4);
    }
    engine.dispose();
  });
});
