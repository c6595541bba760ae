import type { CatalogEntry } from '@opengateway/core';
import { formatBytes } from '../format/numbers.ts';
import { ENGINE_ROOM_BYTES, LEAST_CACHE_BYTES } from './lending-plan.ts';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** Whether this device can serve a model, and why. */
export interface ModelFit {
  readonly verdict: 'ready' | 'possible' | 'not-possible';
  readonly reason: string;
}

/** A 32-bit WASM memory is at most 4 GiB, cache included. */
const WASM_MEMORY_BYTES = 4 * 1024 ** 3;

/** `lent.memoryBytes`: what is pledged, by the person or for them. */
export function modelFit(
  entry: CatalogEntry,
  probe: DeviceProbe,
  lent: { readonly servingNow: boolean; readonly memoryBytes: number; readonly storageBytes: number | null },
): ModelFit {
  if (lent.servingNow) return { verdict: 'ready', reason: 'Loaded and tested in this tab.' };
  const { graphics, kernels, memoryBytes, storage } = probe;
  const hasGpu = graphics !== null && !graphics.isSoftware;
  if (entry.package !== undefined && graphics === null) {
    return no('Compiled for GPUs, and this browser offers none.');
  }
  if (entry.package === undefined && kernels === null && !hasGpu) {
    return no('This browser has no WebAssembly SIMD, which the engine needs. An update brings it.');
  }
  const needed = entry.bytes + ENGINE_ROOM_BYTES + LEAST_CACHE_BYTES;
  if (!hasGpu && needed > WASM_MEMORY_BYTES) {
    return no(`Needs ${formatBytes(needed)} memory; a tab’s engine holds at most ${formatBytes(WASM_MEMORY_BYTES)}.`);
  }
  // What a browser tells is a lower bound up to 8 GB: below that it can be held against the device.
  if (memoryBytes !== null && memoryBytes < needed) {
    return no(`Needs ${formatBytes(needed)} memory; the browser tells of ${formatBytes(memoryBytes)}.`);
  }
  if (lent.memoryBytes < needed) {
    return no(`Needs ${formatBytes(needed)} memory, you pledged ${formatBytes(lent.memoryBytes)}.`);
  }
  if (storage !== null && storage.quotaBytes < entry.bytes) {
    return no(`Needs ${formatBytes(entry.bytes)} storage; this site may use ${formatBytes(storage.quotaBytes)}.`);
  }
  const kept = lent.storageBytes === null || lent.storageBytes >= entry.bytes;
  return {
    verdict: 'possible',
    reason: `Fetches up to ${formatBytes(entry.bytes)} ${
      kept ? 'once' : `at every start (you lend ${formatBytes(lent.storageBytes!)} of storage)`
    }, then ${formatBytes(needed)} memory or more while serving.`,
  };
}

const no = (reason: string): ModelFit => ({ verdict: 'not-possible', reason });
