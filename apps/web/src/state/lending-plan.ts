import { chooseEngine, defaultThreads, mostThreads } from '@opengateway/gpu-worker';
import type { CatalogEntry, EngineKind, LayerRange, StartContributing, Tier } from '@opengateway/core';
import type { DeviceMeasurement, DeviceProbe } from '@opengateway/gpu-worker';

/** What a start is to be like, as far as somebody said. */
export interface LendingWish {
  readonly entry: CatalogEntry;
  /** Forces an engine. */
  readonly engine?: EngineKind;
  /** Instead of the pledge. */
  readonly threads?: number;
  /** Forces a range of layers. */
  readonly layers?: LayerRange;
}

/** What the person lends; null where they left it to us. */
export interface Pledge {
  readonly threads: number | null;
  readonly memoryBytes: number | null;
  readonly storageBytes: number | null;
  readonly share: number;
  /** Tiers that the device qualifies for. */
  readonly tiers: readonly Tier[];
  /** Models held beside the one that is lent. */
  readonly others: readonly CatalogEntry[];
}

/**
 * `forced`: whoever wrote the address; `whole`: nobody, since all of them fit what is lent; `network`: what the others
 * hold, since a part fits.
 */
export type LayersBy = 'forced' | 'whole' | 'network';

/** How a device will be lent, and why so. */
export interface LendingPlan extends StartContributing {
  readonly threads: number;
  readonly kvBudgetBytes: number;
  /** Who decides which layers it holds. */
  readonly layersBy: LayersBy;
  /** Why this engine. */
  readonly reason: string;
  /** What is smaller than it would be, since a tab died loading; empty where nothing is. */
  readonly reductions: readonly string[];
}

const MIB = 2 ** 20;
const GB = 1e9;

/** Phones end tabs at about 1.5 GB, and share that with the page and what else is open. */
export const PHONE_MEMORY_BYTES = GB / 2;
/** As much as a 32-bit WebAssembly memory holds, and half of what a device tells of. */
const MOST_DEFAULT_MEMORY_BYTES = 4 * GB;

/** A 32-bit WASM memory, cache included. */
export const WASM_MEMORY_BYTES = 4 * 1024 ** 3;

/** Beside weights and cache: the engine's scratch and code. */
export const ENGINE_ROOM_BYTES = 64 * MIB;
/** Cache for running answers: enough for eight long ones of a small model, and for one short. */
const MOST_CACHE_BYTES = 256 * MIB;
export const LEAST_CACHE_BYTES = 16 * MIB;
/** Of what is lent to a part of a model, the share for running answers. */
const PART_CACHE_SHARE = 1 / 8;
/** After a death the cache is this much smaller. */
const CACHE_REDUCTION = 4;

/** Memory that suits a device, for whoever does not choose. */
export const defaultMemoryBytes = ({ isMobile, memoryBytes }: DeviceProbe): number =>
  isMobile ? PHONE_MEMORY_BYTES : Math.min(MOST_DEFAULT_MEMORY_BYTES, (memoryBytes ?? 4 * GB) / 2);

/** Cache for running answers where a model does not fit as a whole, so that the weights take what there is. */
export const partCacheBytes = (memoryBytes: number): number =>
  Math.floor(Math.max(LEAST_CACHE_BYTES, Math.min(MOST_CACHE_BYTES, memoryBytes * PART_CACHE_SHARE)));

/** Decides engine, threads, cache and limits of a start. `deaths`: loads that ended a tab before. */
export function planLending({
  wish,
  probe,
  measurement,
  pledge,
  deaths,
}: {
  readonly wish: LendingWish;
  readonly probe: DeviceProbe;
  readonly measurement: DeviceMeasurement | null;
  readonly pledge: Pledge;
  readonly deaths: number;
}): LendingPlan {
  const { entry, engine: forced } = wish;
  const packageEngine = entry.package === undefined ? undefined : ('webllm' as const);
  const choice = chooseEngine({ probe, measurement, forced, packageEngine });
  const threads = Math.min(wish.threads ?? pledge.threads ?? defaultThreads(probe), mostThreads(probe));
  const free = forced === undefined && packageEngine === undefined;
  const smaller = deaths >= 1;
  const single = deaths >= 2 && threads > 1;
  const onCpu = deaths >= 3 && free && choice.engine !== 'wasm' && probe.kernels !== null;
  const engine = onCpu ? 'wasm' : choice.engine;
  const pledgedBytes = pledge.memoryBytes ?? defaultMemoryBytes(probe);
  const memoryBytes = engine === 'wasm' ? Math.min(pledgedBytes, WASM_MEMORY_BYTES) : pledgedBytes;
  const roomBytes = Math.floor(memoryBytes - wantedBytes(wish) - ENGINE_ROOM_BYTES);
  const fits = roomBytes >= LEAST_CACHE_BYTES || packageEngine !== undefined;
  const cacheBytes = fits
    ? Math.max(LEAST_CACHE_BYTES, Math.min(MOST_CACHE_BYTES, roomBytes))
    : partCacheBytes(memoryBytes);
  return {
    entry,
    engine,
    layersBy: wish.layers === undefined ? (fits ? 'whole' : 'network') : 'forced',
    canFallBack: free && probe.kernels !== null,
    threads: single ? 1 : threads,
    kvBudgetBytes: smaller ? Math.max(LEAST_CACHE_BYTES, Math.floor(cacheBytes / CACHE_REDUCTION)) : cacheBytes,
    share: pledge.share,
    tiers: pledge.tiers,
    others: pledge.others.filter(({ id }) => id !== entry.id),
    ...(packageEngine === undefined ? { memoryBytes } : {}),
    ...(wish.layers === undefined ? {} : { layers: wish.layers }),
    ...(pledge.storageBytes === null ? {} : { storageBytes: pledge.storageBytes }),
    reason: onCpu ? 'wasm: tabs died while the GPU was loaded.' : choice.reason,
    reductions: [
      ...(smaller ? ['a quarter of the memory for running answers'] : []),
      ...(single ? ['one thread'] : []),
      ...(onCpu ? ['the processor instead of the GPU'] : []),
    ],
  };
}

/** Weights of the layers asked for, about; of all where none are named. */
const wantedBytes = ({ entry, layers }: LendingWish): number =>
  layers === undefined ? entry.bytes : (entry.bytes * (layers.end - layers.start)) / entry.layerCount;
