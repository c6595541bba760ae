import { probeKernels, probeWasmThreads } from './wasm-features.ts';
import type { DeviceProbe, GraphicsProbe, StorageProbe } from './types.ts';

/** Longest wait for the graphics driver; a hanging one counts as none. */
export const GRAPHICS_PROBE_TIMEOUT_MS = 3_000;

/** Asks a page's (or worker's) own globals what this device is. Never fails: what is not told is null. */
export async function probeBrowser(host: typeof globalThis = globalThis): Promise<DeviceProbe> {
  const { navigator } = host;
  const { deviceMemory } = navigator as Navigator & { readonly deviceMemory?: number };
  const [storage, graphics] = await Promise.all([probeStorage(navigator), probeGraphics(navigator)]);
  return {
    host: 'browser',
    cores: navigator.hardwareConcurrency ?? 1,
    memoryBytes: deviceMemory === undefined ? null : deviceMemory * 2 ** 30,
    kernels: probeKernels(),
    wasmThreads: probeWasmThreads(),
    crossOriginIsolated: host.crossOriginIsolated === true,
    storage,
    graphics,
  };
}

async function probeStorage({ storage }: Navigator): Promise<StorageProbe | null> {
  try {
    const [estimate, persisted] = await Promise.all([storage.estimate(), storage.persisted()]);
    return { quotaBytes: estimate.quota ?? 0, usedBytes: estimate.usage ?? 0, persisted };
  } catch {
    // Private windows and insecure origins have no storage manager.
    return null;
  }
}

interface AdapterInfo {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly description?: string;
  readonly isFallbackAdapter?: boolean;
}

/** The part of WebGPU that is asked here; `isFallbackAdapter` moved from the adapter to its info. */
interface Graphics {
  requestAdapter(): Promise<{ readonly info?: AdapterInfo; readonly isFallbackAdapter?: boolean } | null>;
}

async function probeGraphics(navigator: Navigator): Promise<GraphicsProbe | null> {
  const { gpu } = navigator as Navigator & { readonly gpu?: Graphics };
  if (gpu === undefined) return null;
  const timeout = AbortSignal.timeout(GRAPHICS_PROBE_TIMEOUT_MS);
  const late = new Promise<null>((resolve) => timeout.addEventListener('abort', () => resolve(null), { once: true }));
  try {
    const adapter = await Promise.race([gpu.requestAdapter(), late]);
    if (adapter === null) return null;
    const { vendor = '', architecture = '', description = '', isFallbackAdapter } = adapter.info ?? {};
    return {
      vendor,
      architecture,
      description,
      isFallback: isFallbackAdapter ?? false,
    };
  } catch {
    // A blocked or broken driver: the CPU engine serves.
    return null;
  }
}
