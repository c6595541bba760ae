import type { CatalogEntry } from '@opengateway/core';
import { formatBytes } from '../format/numbers.ts';
import { ENGINE_ROOM_BYTES, LEAST_CACHE_BYTES, WASM_MEMORY_BYTES, partCacheBytes } from './lending-plan.ts';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** Whether this device can serve a model, and why. */
export interface ModelFit {
  /** `part`: not as a whole, but some of its layers. */
  readonly verdict: 'ready' | 'possible' | 'part' | 'not-possible';
  readonly reason: string;
}

/** What of the device a model may take. */
export interface LentRoom {
  /** What is pledged, by the person or for them. */
  readonly memoryBytes: number;
  readonly storageBytes: number | null;
  /** What the device has by the person's word, where that is more than the browser tells. @default as it tells */
  readonly deviceMemoryBytes?: number | null;
}

export function modelFit(
  entry: CatalogEntry,
  probe: DeviceProbe,
  lent: LentRoom & { readonly servingNow: boolean },
): ModelFit {
  if (lent.servingNow) return { verdict: 'ready', reason: 'Loaded and tested in this tab.' };
  const { graphics, kernels, storage } = probe;
  const hasGpu = graphics !== null && !graphics.isSoftware;
  if (entry.package !== undefined && graphics === null) {
    return no('Compiled for GPUs, and this browser offers none.');
  }
  if (entry.package === undefined && kernels === null && !hasGpu) {
    return no('This browser has no WebAssembly SIMD, which the engine needs. An update brings it.');
  }
  const needed = entry.bytes + ENGINE_ROOM_BYTES + LEAST_CACHE_BYTES;
  const room = smallestRoom(probe, lent, hasGpu);
  if (room.bytes < needed) return partFit(entry, needed, room);
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

interface Room {
  readonly bytes: number;
  /** What it is bound by. */
  readonly words: string;
}

/** What a browser tells is a lower bound up to 8 GB: below that it can be held against the device. */
function smallestRoom({ memoryBytes: toldBytes }: DeviceProbe, lent: LentRoom, hasGpu: boolean): Room {
  const saidBytes = lent.deviceMemoryBytes ?? null;
  const has =
    saidBytes !== null && saidBytes > (toldBytes ?? 0)
      ? [{ bytes: saidBytes, words: `you say that this device has ${formatBytes(saidBytes)}` }]
      : toldBytes === null
        ? []
        : [{ bytes: toldBytes, words: `the browser tells of ${formatBytes(toldBytes)}` }];
  const rooms: Room[] = [
    { bytes: lent.memoryBytes, words: `you pledged ${formatBytes(lent.memoryBytes)}` },
    ...has,
    ...(hasGpu
      ? []
      : [{ bytes: WASM_MEMORY_BYTES, words: `a tab’s engine holds at most ${formatBytes(WASM_MEMORY_BYTES)}` }]),
  ];
  return rooms.reduce((least, room) => (room.bytes < least.bytes ? room : least));
}

/** How many layers fit, about: the first and the last bring more than the others. */
function partFit(entry: CatalogEntry, needed: number, { bytes, words }: Room): ModelFit {
  const whole = `The whole model needs ${formatBytes(needed)} memory; ${words}.`;
  if (entry.package !== undefined) return no(whole);
  const weightBytes = bytes - ENGINE_ROOM_BYTES - partCacheBytes(bytes);
  const layers = Math.floor((weightBytes / entry.bytes) * entry.layerCount);
  if (layers < 1) return no(`${whole} Not even one of its ${entry.layerCount} layers fits.`);
  return { verdict: 'part', reason: `${whole} About ${layers} of its ${entry.layerCount} layers fit.` };
}
