import { UnsupportedModelError } from './errors.ts';
import type { EngineKind, LayerRange, TensorReader } from '@opengateway/core';
import type { WeightsLocation } from '../api.ts';
import type { Engine } from './engine.ts';

export interface CreateEngineComponents {
  readonly reader: TensorReader;
}

export interface CreateEngineInit {
  readonly layers: LayerRange;
  /** Where the reader reads, for an engine with a reader of its own. */
  readonly weights?: WeightsLocation;
  readonly kvBudgetBytes?: number;
  readonly maxSequences?: number;
  /** Of an engine that has them. @default 1 */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Told when the engine breaks while nobody waits for it, as when its GPU is lost. */
  readonly onFailure?: (error: unknown) => void;
}

/** Makes an engine of a kind; only that kind's code is loaded. @throws UnsupportedModelError, what the engine throws */
export type CreateEngine = (
  kind: EngineKind,
  components: CreateEngineComponents,
  init: CreateEngineInit,
) => Promise<Engine>;

export const createEngine: CreateEngine = async (kind, components, init) => {
  switch (kind) {
    case 'wasm': {
      const { createWasmEngine } = await import('./wasm/engine.ts');
      return createWasmEngine(components, init);
    }
    case 'webgpu': {
      const { createWebGpuEngine } = await import('./webgpu/engine.ts');
      const { createTuningStore } = await import('./webgpu/tuning-store.ts');
      return createWebGpuEngine(components, { ...init, tuning: { store: createTuningStore() } });
    }
    case 'reference': {
      const { createReferenceEngine } = await import('./reference/engine.ts');
      return createReferenceEngine(components, init);
    }
    default:
      throw new UnsupportedModelError(`There is no engine ${kind} here.`);
  }
};
