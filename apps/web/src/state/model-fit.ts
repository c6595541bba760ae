import type { CatalogEntry } from '@opengateway/core';
import { formatBytes } from '../format/numbers.ts';
import type { DeviceFacts } from './device-facts.ts';

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
export function modelFit(entry: CatalogEntry, facts: DeviceFacts, servingNow: boolean): ModelFit {
  if (servingNow) return { verdict: 'ready', reason: 'Loaded and tested in this tab.' };
  const needed = entry.bytes + WORKING_BYTES;
  if (needed > WASM_MEMORY_BYTES) {
    return no(`Needs ${formatBytes(needed)} memory; a tab’s engine holds at most ${formatBytes(WASM_MEMORY_BYTES)}.`);
  }
  // What a browser tells is a lower bound up to 8 GB: below that it can be held against the device.
  if (facts.memoryBytes !== null && facts.memoryBytes < needed) {
    return no(`Needs ${formatBytes(needed)} memory; the browser tells of ${formatBytes(facts.memoryBytes)}.`);
  }
  const { storage } = facts;
  if (storage !== null && storage.quotaBytes < entry.bytes) {
    return no(`Needs ${formatBytes(entry.bytes)} storage; this site may use ${formatBytes(storage.quotaBytes)}.`);
  }
  return {
    verdict: 'possible',
    reason: `Fetches up to ${formatBytes(entry.bytes)} once, then about ${formatBytes(needed)} memory while serving.`,
  };
}

const no = (reason: string): ModelFit => ({ verdict: 'not-possible', reason });
