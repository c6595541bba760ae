import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { probeKernels, probeWasmThreads } from './wasm-features.ts';
import type { DeviceProbe, StorageProbe } from './types.ts';

/** What this machine is, with the file system that holds `directory` (which need not exist yet). */
export const probeNode = async (directory: string): Promise<DeviceProbe> => ({
  host: 'node',
  isMobile: false,
  cores: availableParallelism(),
  memoryBytes: totalmem(),
  kernels: probeKernels(),
  wasmThreads: probeWasmThreads(),
  crossOriginIsolated: true,
  storage: await probeStorage(directory),
  graphics: null,
  connection: null,
});

async function probeStorage(directory: string): Promise<StorageProbe | null> {
  try {
    const { bsize, blocks, bavail } = await statfs(directory);
    return { quotaBytes: blocks * bsize, usedBytes: (blocks - bavail) * bsize, persisted: null };
  } catch {
    // Not there yet: its parent is on the same file system.
    const parent = dirname(directory);
    return parent === directory ? null : probeStorage(parent);
  }
}
