import type { GpuDevice } from './device.ts';
import type { Arithmetic } from './kernels/arithmetic.ts';
import type { CacheType } from './kernels/cache-layout.ts';

/** Which kernels an engine runs. Results depend on `arithmetic` and `cacheType` alone, to the bit. */
export interface KernelVariant {
  readonly arithmetic: Arithmetic;
  readonly cacheType: CacheType;
  readonly subgroups: boolean;
  /** Kernels that compile sooner and run slower, for a CPU that plays GPU. */
  readonly compact: boolean;
  /** Rows per thread of matrix-vector products. */
  readonly rowsPerThread: 1 | 2 | 4;
  /** Most rows of activations that matrix-vector kernels take; more go through tiles. 0: all do. */
  readonly maxMatvecTokens: 0 | 1 | 4;
  /** Whether long prefills get tiles of their own, or those of short ones. */
  readonly largeTiles: boolean;
  /** Pages that attention reads side by side, fewer where heads are large. */
  readonly pagesAtOnce: number;
}

/** float32 products over a half-precision cache, with what the device offers; `changes` override. */
export const chooseVariant = (
  { features, isSoftware }: Pick<GpuDevice, 'features' | 'isSoftware'>,
  changes: Partial<KernelVariant> = {},
): KernelVariant => ({
  arithmetic: 'f32',
  cacheType: 'f16',
  subgroups: features.subgroups,
  compact: isSoftware,
  // A CPU that plays GPU gathers what threads read one by one: it does best with few threads that share.
  rowsPerThread: isSoftware ? 4 : 1,
  maxMatvecTokens: isSoftware ? 1 : 4,
  largeTiles: !isSoftware,
  pagesAtOnce: isSoftware ? 1 : 8,
  ...changes,
});

/** What a person sees, e.g. `f32 subgroups, f16 cache, 4 rows`. */
export const variantName = (variant: KernelVariant): string => {
  const { arithmetic, subgroups, cacheType, rowsPerThread, maxMatvecTokens } = variant;
  const parts = [`${arithmetic}${subgroups ? ' subgroups' : ''}`, `${cacheType} cache`];
  if (maxMatvecTokens === 0) return [...parts, 'tiles only'].join(', ');
  return [...parts, `${rowsPerThread} rows x ${maxMatvecTokens} tokens`].join(', ');
};
