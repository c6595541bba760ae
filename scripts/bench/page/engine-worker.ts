import { createTensorReader, parseManifest } from '@opengateway/core';
import * as Comlink from 'comlink';
import type { Engine } from '../../../packages/gpu-worker/src/engines/engine.ts';
import { createWasmEngine } from '../../../packages/gpu-worker/src/engines/wasm/engine.ts';
import type { KernelVariant } from '../../../packages/gpu-worker/src/engines/wasm/kernels.ts';
import { createHttpSource } from '../../../packages/gpu-worker/src/storage/http-source.ts';
import { measureEngine } from '../measure-engine.ts';

let engine: Engine | undefined;

const api = {
  /** Milliseconds to fetch, verify and pack the model. */
  async load(modelUrl: string, variant: KernelVariant): Promise<number> {
    const start = performance.now();
    const manifest = parseManifest(await (await fetch(`${modelUrl}/manifest.json`)).json());
    const source = createHttpSource({ baseUrl: modelUrl });
    const layers = { start: 0, end: manifest.architecture.layerCount };
    engine = await createWasmEngine({ reader: createTensorReader({ manifest, source }) }, { layers, variant });
    return performance.now() - start;
  },
  async measure() {
    if (!engine) throw new Error('Load first.');
    return measureEngine(engine);
  },
};
export type BenchWorkerApi = typeof api;

Comlink.expose(api);
