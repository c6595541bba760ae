import { createTensorReader, parseManifest } from '@opengateway/core';
import * as Comlink from 'comlink';
import type { Engine } from '../../../packages/gpu-worker/src/engines/engine.ts';
import { createWasmEngine } from '../../../packages/gpu-worker/src/engines/wasm/engine.ts';
import type { KernelVariant } from '../../../packages/gpu-worker/src/engines/wasm/kernels.ts';
import { createHttpSource } from '../../../packages/gpu-worker/src/storage/http-source.ts';
import { createWebGpuEngine } from '../../../packages/gpu-worker/src/engines/webgpu/engine.ts';
import { measureWebGpu, type GpuMeasurement } from '../../../packages/gpu-worker/src/engines/webgpu/measure.ts';
import { measureEngine } from '../measure-engine.ts';

export interface GpuFigures {
  readonly adapter: string;
  readonly layers: number;
  readonly perToken: GpuMeasurement['perToken'];
  /** Null on a software adapter: its speed says nothing of a GPU's. */
  readonly speed: Omit<GpuMeasurement, 'perToken'> | null;
}

let engine: Engine | undefined;

async function openModel(modelUrl: string) {
  const manifest = parseManifest(await (await fetch(`${modelUrl}/manifest.json`)).json());
  const reader = createTensorReader({ manifest, source: createHttpSource({ baseUrl: modelUrl }) });
  return { reader, layers: { start: 0, end: manifest.architecture.layerCount } };
}

const api = {
  /** Milliseconds to fetch, verify and pack the model. */
  async load(modelUrl: string, variant: KernelVariant): Promise<number> {
    const start = performance.now();
    const { reader, layers } = await openModel(modelUrl);
    engine = await createWasmEngine({ reader }, { layers, variant });
    return performance.now() - start;
  },
  async measure() {
    if (!engine) throw new Error('Load first.');
    return measureEngine(engine);
  },
  /** What a decoded token asks of the GPU, and how fast it is where the adapter is a real one. */
  async measureGpu(modelUrl: string): Promise<GpuFigures> {
    const { reader, layers } = await openModel(modelUrl);
    const gpu = await createWebGpuEngine({ reader }, { layers });
    const { isSoftware, description } = gpu.gpu;
    const tokens = isSoftware ? { promptTokens: 2, decodeTokens: 2 } : {};
    const measured = await measureWebGpu(gpu, { ...tokens, now: () => performance.now() });
    const { perToken, ...speed } = measured;
    await gpu.dispose();
    return { adapter: description, layers: layers.end, perToken, speed: isSoftware ? null : speed };
  },
};
export type BenchWorkerApi = typeof api;

Comlink.expose(api);
