/// <reference types="@webgpu/types" />
import { toWire } from '@opengateway/core';
import { selfTest } from '../worker/self-test.ts';
import { MEASURED_KV_BYTES, MEASURE_BUDGET_MS } from './constants.ts';
import { measureGraphics } from './measure-graphics.ts';
import { measureMemoryBandwidth } from './measure-bandwidth.ts';
import { createSyntheticModel } from './synthetic-model.ts';
import type { EngineKind } from '@opengateway/core';
import type { CreateEngine } from '../engines/create-engine.ts';
import type { DeviceMeasurement, EngineMeasurement, GraphicsMeasurement } from './types.ts';

export interface MeasureRequest {
  /** Engines to be measured, the most promising first. */
  readonly engines: readonly EngineKind[];
  /** Of the CPU engine. */
  readonly threads: number;
  /** Most GPU memory to be tried for. */
  readonly gpuMemoryBytes: number;
}

export interface MeasureComponents {
  readonly createEngine: CreateEngine;
  readonly gpu: GPU | undefined;
  /** Milliseconds with fractions. */
  readonly now: () => number;
}

/** Measures memory and engines within `MEASURE_BUDGET_MS`; for a worker. What is not reached in time is left out. */
export async function measureDevice(
  { createEngine, gpu, now }: MeasureComponents,
  request: MeasureRequest,
): Promise<DeviceMeasurement> {
  const startedMs = now();
  const signal = AbortSignal.timeout(MEASURE_BUDGET_MS);
  const memoryBandwidthBytesPerSecond = measureMemoryBandwidth(now);
  const graphics = request.engines.includes('webgpu')
    ? await unlessLate(measureGraphics(gpu, { pledgedBytes: request.gpuMemoryBytes, now, signal }), signal)
    : null;
  const engines: EngineMeasurement[] = [];
  const failed: { engine: EngineKind; reason: string }[] = [];
  for (const engine of request.engines) {
    try {
      signal.throwIfAborted();
      engines.push(await measureEngine({ createEngine, now }, engine, request.threads, signal));
    } catch (error) {
      failed.push({ engine, reason: signal.aborted ? 'There was no time left.' : toWire(error).message });
    }
  }
  return { memoryBandwidthBytesPerSecond, graphics, engines, failed, elapsedMs: now() - startedMs };
}

async function measureEngine(
  { createEngine, now }: Pick<MeasureComponents, 'createEngine' | 'now'>,
  kind: EngineKind,
  threads: number,
  signal: AbortSignal,
): Promise<EngineMeasurement> {
  const { reader, weightBytes } = createSyntheticModel();
  const layers = { start: 0, end: reader.manifest.architecture.layerCount };
  const engine = await createEngine(
    kind,
    { reader },
    { layers, threads, kvBudgetBytes: MEASURED_KV_BYTES, maxSequences: 1, signal },
  );
  try {
    const { decodeTokensPerSecond, prefillTokensPerSecond } = await selfTest(engine, now, signal);
    return {
      engine: kind,
      variant: engine.info.variant,
      weightBytesPerSecond: decodeTokensPerSecond * weightBytes,
      prefillTokensPerSecond,
    };
  } finally {
    await engine.dispose();
  }
}

/** A driver that fails or hangs has nothing to offer. */
async function unlessLate(
  measuring: Promise<GraphicsMeasurement | null>,
  signal: AbortSignal,
): Promise<GraphicsMeasurement | null> {
  const late = new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }));
  return Promise.race([measuring.catch(() => null), late]);
}
