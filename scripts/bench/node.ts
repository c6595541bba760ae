import { createTensorReader, type ModelManifest } from '@opengateway/core';
import { createWasmEngine } from '../../packages/gpu-worker/src/engines/wasm/engine.ts';
import { createDirectorySource } from '../../packages/gpu-worker/src/storage/directory-source.ts';
import { ROUNDS } from './constants.ts';
import { measureEngine, medianSpeed, type EngineSpeed } from './measure-engine.ts';

export interface NodeFigures {
  /** Reading, verifying and packing the whole model. */
  readonly loadMs: number;
  readonly weightBytes: number;
  readonly speed: EngineSpeed;
  /** On two threads, in turns with one. */
  readonly twoThreads: EngineSpeed;
}

/** The engine called directly in this process. */
export async function measureInNode(manifest: ModelManifest, folder: string): Promise<NodeFigures> {
  const start = performance.now();
  const source = createDirectorySource({ path: folder });
  const layers = { start: 0, end: manifest.architecture.layerCount };
  const reader = createTensorReader({ manifest, source });
  const engine = await createWasmEngine({ reader }, { layers });
  const loadMs = performance.now() - start;
  const pair = await createWasmEngine({ reader }, { layers, threads: 2 });
  const one: EngineSpeed[] = [];
  const two: EngineSpeed[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    one.push(await measureEngine(engine));
    two.push(await measureEngine(pair));
  }
  const { weightBytes } = engine.info;
  await engine.dispose();
  await pair.dispose();
  await source.close?.();
  return { loadMs, weightBytes, speed: medianSpeed(one), twoThreads: medianSpeed(two) };
}
