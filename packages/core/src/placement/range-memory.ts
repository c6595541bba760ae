import type { LayerRange } from '../ids.ts';
import { layerOfTensor } from '../models/expected-tensors.ts';
import { tensorsOfRange } from '../models/layer-chunks.ts';
import type { ModelManifest, TensorInfo } from '../models/manifest.ts';
import { DEFAULT_ENGINE_ROOM_BYTES } from './constants.ts';

/** What a device lends to one model. */
export interface MemoryPledge {
  /** Weights, cache and engine together. */
  readonly memoryBytes: number;
  /** Of it, the cache for running answers. */
  readonly kvBudgetBytes: number;
  /** Of it, what the engine needs beside. @default 64 MiB */
  readonly engineRoomBytes?: number;
}

/** Which ranges of one model's layers a pledge has room for. */
export interface RangeMemory {
  /** Left for weights. */
  readonly roomBytes: number;
  /** Weights of a range, with the embedding at the first layer and the head at the last. */
  bytesOf(range: LayerRange): number;
  fits(range: LayerRange): boolean;
  /** The longest range from layer `start` that fits; undefined where not even that layer does. */
  longestRangeFrom(start: number): LayerRange | undefined;
}

/**
 * @example
 * const memory = createRangeMemory(manifest, { memoryBytes: 2e9, kvBudgetBytes: 256e6 });
 * const range = chooseRange({ layerCount, fits: memory.fits, swarm });
 */
export function createRangeMemory(manifest: ModelManifest, pledge: MemoryPledge): RangeMemory {
  const { layerCount } = manifest.architecture;
  const { memoryBytes, kvBudgetBytes, engineRoomBytes = DEFAULT_ENGINE_ROOM_BYTES } = pledge;
  const roomBytes = memoryBytes - kvBudgetBytes - engineRoomBytes;
  const bytesOf = createRangeBytes(manifest);
  const fits = (range: LayerRange) => bytesOf(range) <= roomBytes;
  return {
    roomBytes,
    bytesOf,
    fits,
    longestRangeFrom(start) {
      // From the end: the last layer brings the head, so that fewer layers may need more than it does without.
      for (let end = layerCount; end > start; end--) if (fits({ start, end })) return { start, end };
      return undefined;
    },
  };
}

/** The most layers of which every range of that length fits, wherever it lies; 0 where none does. */
export function layersThatFit(manifest: ModelManifest, pledge: MemoryPledge): number {
  const { layerCount } = manifest.architecture;
  const { fits } = createRangeMemory(manifest, pledge);
  for (let layers = layerCount; layers > 0; layers--) {
    const starts = Array.from({ length: layerCount - layers + 1 }, (_, start) => start);
    if (starts.every((start) => fits({ start, end: start + layers }))) return layers;
  }
  return 0;
}

/** Adds up once what is asked for thousands of times. */
function createRangeBytes(manifest: ModelManifest): (range: LayerRange) => number {
  const { layerCount } = manifest.architecture;
  const upTo = [0];
  const inLayer = new Map<number, number>();
  for (const { name, bytes } of manifest.tensors) {
    const layer = layerOfTensor(name);
    if (layer !== undefined) inLayer.set(layer, (inLayer.get(layer) ?? 0) + bytes);
  }
  for (let layer = 0; layer < layerCount; layer++) upTo.push((upTo[layer] ?? 0) + (inLayer.get(layer) ?? 0));

  const besideLayers = (range: LayerRange) => sum(tensorsOfRange(manifest, range).filter(isOutsideLayers));
  const first = layerCount > 1 ? besideLayers({ start: 0, end: 1 }) : 0;
  const last = layerCount > 1 ? besideLayers({ start: layerCount - 1, end: layerCount }) : 0;
  const both = besideLayers({ start: 0, end: layerCount });
  return ({ start, end }) => {
    if (end <= start) return 0;
    const isLast = end === layerCount;
    const beside = start === 0 ? (isLast ? both : first) : isLast ? last : 0;
    return (upTo[end] ?? Infinity) - (upTo[start] ?? 0) + beside;
  };
}

const isOutsideLayers = ({ name }: TensorInfo): boolean => layerOfTensor(name) === undefined;
const sum = (tensors: readonly TensorInfo[]): number => tensors.reduce((total, { bytes }) => total + bytes, 0);
