import type { DeviceProbe } from '@opengateway/gpu-worker';

/** The reference case as its browser tells of it: 16 cores, 8 GB and no more, a GPU without a figure, 1 TB of disk. */
export const REFERENCE_PROBE: DeviceProbe = {
  host: 'browser',
  isMobile: false,
  cores: 16,
  memoryBytes: 8 * 1024 ** 3,
  kernels: 'relaxed-simd',
  wasmThreads: true,
  crossOriginIsolated: true,
  storage: { quotaBytes: 1e12, usedBytes: 0, persisted: false },
  graphics: {
    vendor: 'nvidia',
    architecture: 'ada',
    description: '',
    isFallback: false,
    isSoftware: false,
    features: ['shader-f16'],
    maxBufferBytes: 4e9,
    maxBindingBytes: 2e9,
  },
  connection: null,
};
