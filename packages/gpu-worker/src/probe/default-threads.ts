import { MAX_THREADS } from '../engines/wasm/constants.ts';
import type { DeviceProbe } from './types.ts';

/** Most threads of the CPU engine that are of use here. */
export const mostThreads = ({ cores, wasmThreads }: Pick<DeviceProbe, 'cores' | 'wasmThreads'>): number =>
  wasmThreads ? Math.max(1, Math.min(cores, MAX_THREADS)) : 1;

/** Threads the CPU engine uses unless the person says otherwise: all processors but one, where they can share memory. */
export const defaultThreads = (probe: Pick<DeviceProbe, 'cores' | 'wasmThreads'>): number =>
  Math.min(mostThreads(probe), Math.max(1, probe.cores - 1));
