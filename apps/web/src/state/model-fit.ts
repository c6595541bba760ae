import type { CatalogEntry } from '@opengateway/core';
import { formatBytes } from '../format/numbers.ts';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** Whether this device can serve a model, and why. */
export interface ModelFit {
  readonly verdict: 'ready' | 'possible' | 'not-possible';
  readonly reason: string;
}

/** Beyond the weights: the cache of running answers and the engine's own room. */
const WORKING_BYTES = 320 * 1024 ** 2;
/** A 32-bit WASM memory is at most 4 GiB, cache included. */
const WASM_MEMORY_BYTES = 4 * 1024 ** 3;

/** `servingNow`: this tab has it loaded and announced. */
export function modelFit(entry: CatalogEntry, probe: DeviceProbe, servingNow: boolean): ModelFit {
  if (servingNow) return { verdict: 'ready', reason: 'Loaded and tested in this tab.' };
  if (probe.kernels === null)
    return no('This browser has no WebAssembly SIMD, which the engine needs. An update brings it.');
  const needed = entry.bytes + WORKING_BYTES;
  if (needed > WASM_MEMORY_BYTES) {
    return no(`Needs ${formatBytes(needed)} memory; a tab’s engine holds at most ${formatBytes(WASM_MEMORY_BYTES)}.`);
  }
  // What a browser tells is a lower bound up to 8 GB: below that it can be held against the device.
  if (probe.memoryBytes !== null && probe.memoryBytes < needed) {
    return no(`Needs ${formatBytes(needed)} memory; the browser tells of ${formatBytes(probe.memoryBytes)}.`);
  }
  const { storage } = probe;
  if (storage !== null && storage.quotaBytes < entry.bytes) {
    return no(`Needs ${formatBytes(entry.bytes)} storage; this site may use ${formatBytes(storage.quotaBytes)}.`);
  }
  return {
    verdict: 'possible',
    reason: `Fetches up to ${formatBytes(entry.bytes)} once, then about ${formatBytes(needed)} memory while serving.`,
  };
}

const no = (reason: string): ModelFit => ({ verdict: 'not-possible', reason });
