import type { EngineKind } from '@opengateway/core';
import type { KernelVariant } from '../engines/wasm/kernels.ts';

/** What the graphics adapter tells of itself. */
export interface GraphicsProbe {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** The browser's own fallback, by its word. */
  readonly isFallback: boolean;
  /** Computes on the processor, by its word or its name: slower than the CPU engine. */
  readonly isSoftware: boolean;
  /** Optional features that choose kernels, as WebGPU names them. */
  readonly features: readonly string[];
  /** Largest single buffer, and largest that a kernel can read, in bytes. */
  readonly maxBufferBytes: number;
  readonly maxBindingBytes: number;
}

export interface StorageProbe {
  /** Most bytes this origin (or the folder's file system) may hold, and those in use. */
  readonly quotaBytes: number;
  readonly usedBytes: number;
  /** Whether the host promised not to evict them; null where it does not say. */
  readonly persisted: boolean | null;
}

export interface ConnectionProbe {
  /** `wifi`, `cellular`, `ethernet`, …; null where it is not told. */
  readonly type: string | null;
  /** The browser's estimate, rounded and capped; null where it is not told. */
  readonly downlinkMbps: number | null;
  /** The person asked for as little traffic as possible. */
  readonly saveData: boolean;
}

/** What this device says it can do: facts the host tells, nothing measured. */
export interface DeviceProbe {
  readonly host: 'browser' | 'node';
  /** A phone or tablet, whose system ends tabs that grow. */
  readonly isMobile: boolean;
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
  readonly connection: ConnectionProbe | null;
}

/** How fast one engine is here, on a synthetic model in the shape of a small real one. */
export interface EngineMeasurement {
  readonly engine: EngineKind;
  /** What was measured, e.g. `relaxed-simd, 3 threads`. */
  readonly variant: string;
  /** Weights read per second while writing one answer: over a model's bytes, its tokens/s. */
  readonly weightBytesPerSecond: number;
  readonly prefillTokensPerSecond: number;
}

export interface GraphicsMeasurement {
  /** GPU memory that could be had, up to the pledge. */
  readonly memoryBytes: number;
  /** Whether the pledge or the time ended it, not the memory. */
  readonly moreLeft: boolean;
  /** Read plus written, by a copy within GPU memory. */
  readonly bandwidthBytesPerSecond: number;
}

/** What was measured on this device. */
export interface DeviceMeasurement {
  /** Read plus written, by one thread's copy. */
  readonly memoryBandwidthBytesPerSecond: number;
  /** Null without a GPU of its own. */
  readonly graphics: GraphicsMeasurement | null;
  readonly engines: readonly EngineMeasurement[];
  /** Engines that were tried and failed, each with its reason. */
  readonly failed: readonly { readonly engine: EngineKind; readonly reason: string }[];
  readonly elapsedMs: number;
}
