import type { KernelVariant } from '../engines/wasm/kernels.ts';

/** What the graphics adapter tells of itself. */
export interface GraphicsProbe {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** A software adapter: slower than the CPU engine. */
  readonly isFallback: boolean;
}

export interface StorageProbe {
  /** Most bytes this origin (or the folder's file system) may hold, and those in use. */
  readonly quotaBytes: number;
  readonly usedBytes: number;
  /** Whether the host promised not to evict them; null where it does not say. */
  readonly persisted: boolean | null;
}

/** What this device says it can do: facts the host tells, nothing measured. */
export interface DeviceProbe {
  readonly host: 'browser' | 'node';
  /** Logical processors. */
  readonly cores: number;
  /** Told by the host; browsers round it and stop at 8 GiB (or do not tell: null). */
  readonly memoryBytes: number | null;
  /** The fastest CPU build that runs here; null without WebAssembly SIMD. */
  readonly kernels: KernelVariant | null;
  /** Whether WebAssembly memory can be shared between threads here. */
  readonly wasmThreads: boolean;
  readonly crossOriginIsolated: boolean;
  readonly storage: StorageProbe | null;
  /** Null where WebGPU is not offered. */
  readonly graphics: GraphicsProbe | null;
}
