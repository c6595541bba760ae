import type { EngineKind } from '@opengateway/core';
import type { DeviceMeasurement, DeviceProbe } from '../probe/types.ts';

/** Engines that share out a model's own files and may be chosen without being asked for; most promising first. */
export const CHOOSABLE_ENGINES = ['webgpu', 'wasm'] as const satisfies readonly EngineKind[];

export interface EngineChoice {
  readonly engine: EngineKind;
  /** For a person: why this one. */
  readonly reason: string;
}

/** A GPU must beat the processor by this much: it also serves the screen, and drivers fail more often. */
const GPU_ADVANTAGE = 1.1;

/** Engines worth measuring on this device. */
export const candidateEngines = ({ graphics, kernels }: DeviceProbe): readonly EngineKind[] =>
  CHOOSABLE_ENGINES.filter((engine) =>
    engine === 'webgpu' ? graphics !== null && !graphics.isSoftware : kernels !== null,
  );

/**
 * The engine for a model on this device: the one that was asked for, else the one its package needs, else the
 * one that was measured to be faster.
 */
export function chooseEngine({
  probe,
  measurement,
  forced,
  packageEngine,
}: {
  readonly probe: DeviceProbe;
  /** Null where nothing was measured yet. */
  readonly measurement: DeviceMeasurement | null;
  readonly forced?: EngineKind | undefined;
  /** The only engine that can run the model, where it is a compiled package. */
  readonly packageEngine?: EngineKind | undefined;
}): EngineChoice {
  if (forced !== undefined) return { engine: forced, reason: `${forced}: as asked for.` };
  if (packageEngine !== undefined) {
    return { engine: packageEngine, reason: `${packageEngine}: this model is compiled for it.` };
  }
  const { graphics } = probe;
  if (graphics === null) return { engine: 'wasm', reason: 'wasm: this browser offers no GPU.' };
  if (graphics.isSoftware) return { engine: 'wasm', reason: 'wasm: this GPU is a software one.' };
  if (probe.kernels === null) return { engine: 'webgpu', reason: 'webgpu: there is no WebAssembly SIMD here.' };
  const speed = (engine: EngineKind) =>
    measurement?.engines.find((measured) => measured.engine === engine)?.weightBytesPerSecond;
  const gpu = speed('webgpu');
  const cpu = speed('wasm');
  if (gpu !== undefined && cpu !== undefined) {
    return gpu >= cpu * GPU_ADVANTAGE
      ? { engine: 'webgpu', reason: `webgpu: ${times(gpu / cpu)} as fast as the processor here.` }
      : { engine: 'wasm', reason: `wasm: the GPU was measured at ${times(gpu / cpu)} the processor’s speed.` };
  }
  const failure = measurement?.failed.find(({ engine }) => engine === 'webgpu');
  if (failure !== undefined) return { engine: 'wasm', reason: `wasm: the GPU did not pass. ${failure.reason}` };
  return { engine: 'webgpu', reason: 'webgpu: this device has a GPU. Nothing was measured yet.' };
}

const times = (ratio: number): string => `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)} times`;
