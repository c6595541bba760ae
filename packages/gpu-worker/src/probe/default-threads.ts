import type { DeviceProbe } from './types.ts';

/** Threads the CPU engine uses unless the person says otherwise: all processors but one, where they can share memory. */
export const defaultThreads = ({ cores, wasmThreads }: Pick<DeviceProbe, 'cores' | 'wasmThreads'>): number =>
  wasmThreads ? Math.max(1, cores - 1) : 1;
