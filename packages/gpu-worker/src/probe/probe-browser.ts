/// <reference types="@webgpu/types" />
import { isSoftwareAdapter } from './software-adapter.ts';
import { probeKernels, probeWasmThreads } from './wasm-features.ts';
import type { ConnectionProbe, DeviceProbe, GraphicsProbe, StorageProbe } from './types.ts';

/** Longest wait for the graphics driver; a hanging one counts as none. */
export const GRAPHICS_PROBE_TIMEOUT_MS = 3_000;

const TOLD_FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'] as const;

/** Asks a page's (or worker's) own globals what this device is. Never fails: what is not told is null. */
export async function probeBrowser(host: typeof globalThis = globalThis): Promise<DeviceProbe> {
  const navigator = host.navigator as HostNavigator;
  const { deviceMemory } = navigator;
  const [storage, graphics] = await Promise.all([probeStorage(navigator), probeGraphics(navigator)]);
  return {
    host: 'browser',
    isMobile: probeMobile(navigator),
    cores: navigator.hardwareConcurrency ?? 1,
    memoryBytes: deviceMemory === undefined ? null : deviceMemory * 2 ** 30,
    kernels: probeKernels(),
    wasmThreads: probeWasmThreads(),
    crossOriginIsolated: host.crossOriginIsolated === true,
    storage,
    graphics,
    connection: probeConnection(navigator),
  };
}

/** Parts of `Navigator` that not every browser has, and TypeScript's library does not know. */
interface HostNavigator extends Navigator {
  readonly deviceMemory?: number;
  readonly userAgentData?: { readonly mobile: boolean };
  readonly connection?: { readonly type?: string; readonly downlink?: number; readonly saveData?: boolean };
}

/** Tablets that call themselves desktops are told by their touch points. */
function probeMobile({ userAgentData, userAgent = '', maxTouchPoints = 0 }: HostNavigator): boolean {
  if (userAgentData?.mobile === true) return true;
  return /Android|iPhone|iPad|iPod|Mobile/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1);
}

function probeConnection({ connection }: HostNavigator): ConnectionProbe | null {
  if (connection === undefined) return null;
  const { type, downlink, saveData = false } = connection;
  return { type: type ?? null, downlinkMbps: downlink ?? null, saveData };
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

async function probeGraphics(navigator: Navigator): Promise<GraphicsProbe | null> {
  const gpu = navigator.gpu as GPU | undefined;
  if (gpu === undefined) return null;
  const timeout = AbortSignal.timeout(GRAPHICS_PROBE_TIMEOUT_MS);
  const late = new Promise<null>((resolve) => timeout.addEventListener('abort', () => resolve(null), { once: true }));
  try {
    const adapter = await Promise.race([gpu.requestAdapter({ powerPreference: 'high-performance' }), late]);
    return adapter === null ? null : describeAdapter(adapter);
  } catch {
    // A blocked or broken driver: the CPU engine serves.
    return null;
  }
}

function describeAdapter({ info, features, limits }: GPUAdapter): GraphicsProbe {
  const { vendor, architecture, description, isFallbackAdapter: isFallback } = info;
  return {
    vendor,
    architecture,
    description,
    isFallback,
    isSoftware: isSoftwareAdapter({ vendor, architecture, description, isFallback }),
    features: TOLD_FEATURES.filter((feature) => features.has(feature)),
    maxBufferBytes: limits.maxBufferSize,
    maxBindingBytes: limits.maxStorageBufferBindingSize,
  };
}
