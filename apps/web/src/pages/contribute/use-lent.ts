import { useSite } from '../../site.ts';
import { defaultMemoryBytes } from '../../state/lending-plan.ts';
import type { DeviceProbe } from '@opengateway/gpu-worker';

/** What is pledged now, chosen or not. */
export function useLent(): (probe: DeviceProbe) => { memoryBytes: number; storageBytes: number | null } {
  const { settings } = useSite();
  const memoryBytes = settings.memoryBytes.value;
  const storageBytes = settings.storageBytes.value;
  return (probe) => ({ memoryBytes: memoryBytes ?? defaultMemoryBytes(probe), storageBytes });
}
