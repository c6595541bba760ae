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
}

/** The engine called directly in this process. */
export async function measureInNode(manifest: ModelManifest, folder: string): Promise<NodeFigures> {
  const start = performance.now();
  const source = createDirectorySource({ path: folder });
  const layers = { start: 0, end: manifest.architecture.layerCount };
  const engine = await createWasmEngine({ reader: createTensorReader({ manifest, source }) }, { layers });
  const loadMs = performance.now() - start;
  const rounds: EngineSpeed[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measureEngine(engine));
  const { weightBytes } = engine.info;
  engine.dispose();
  await source.close?.();
  return { loadMs, weightBytes, speed: medianSpeed(rounds) };
}
