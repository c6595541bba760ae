/** Where a figure comes from, which decides how far to trust it. */
export type FactSource = 'told' | 'measured' | 'pledged';

/** What is known of this device; null where the browser keeps it to itself. */
export interface DeviceFacts {
  readonly threads: number | null;
  /** Rounded down by the browser, and never more than 8 GB (some say up to 32). */
  readonly memoryBytes: number | null;
  readonly gpu: { readonly name: string; readonly software: boolean } | null;
  /** What this site may store, and what it stores now. */
  readonly storage: { readonly quotaBytes: number; readonly usedBytes: number; readonly lasting: boolean } | null;
  readonly connection: string | null;
  readonly crossOriginIsolated: boolean;
}

interface AdapterLike {
  readonly info?: { readonly vendor?: string; readonly architecture?: string; readonly description?: string };
  readonly isFallbackAdapter?: boolean;
}

/** The parts of `Navigator` that are read; the less common ones may be missing. */
export interface NavigatorLike {
  readonly hardwareConcurrency?: number;
  readonly deviceMemory?: number;
  readonly storage?: Pick<StorageManager, 'estimate' | 'persisted'>;
  readonly connection?: { readonly effectiveType?: string; readonly downlink?: number };
  readonly gpu?: { requestAdapter(): Promise<AdapterLike | null> };
}

const GIB = 1024 ** 3;
const SOFTWARE_NAMES = /swiftshader|llvmpipe|lavapipe|software|basic render/i;

/** Asks the browser; no question waits for another and none can fail the rest. */
export async function readDeviceFacts(host: NavigatorLike, isolated: boolean): Promise<DeviceFacts> {
  const [gpu, storage] = await Promise.all([readGpu(host), readStorage(host)]);
  const { effectiveType, downlink } = host.connection ?? {};
  return {
    threads: host.hardwareConcurrency ?? null,
    memoryBytes: host.deviceMemory === undefined ? null : host.deviceMemory * GIB,
    gpu,
    storage,
    connection:
      downlink === undefined
        ? null
        : `about ${downlink} Mbit/s${effectiveType === undefined ? '' : `, ${effectiveType}`}`,
    crossOriginIsolated: isolated,
  };
}

async function readGpu(host: NavigatorLike): Promise<DeviceFacts['gpu']> {
  // A browser may offer the interface and refuse the adapter; both mean: no GPU to use.
  const adapter = await host.gpu?.requestAdapter().catch(() => null);
  if (!adapter) return null;
  const { vendor = '', architecture = '', description = '' } = adapter.info ?? {};
  const name = description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed';
  return { name, software: adapter.isFallbackAdapter === true || SOFTWARE_NAMES.test(`${name} ${architecture}`) };
}

async function readStorage(host: NavigatorLike): Promise<DeviceFacts['storage']> {
  if (!host.storage) return null;
  try {
    const { quota = 0, usage = 0 } = await host.storage.estimate();
    return { quotaBytes: quota, usedBytes: usage, lasting: await host.storage.persisted() };
  } catch {
    // Private windows of some browsers refuse the question.
    return null;
  }
}
