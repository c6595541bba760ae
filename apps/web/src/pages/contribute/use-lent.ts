import { useSite } from '../../site.ts';
import { defaultMemoryBytes } from '../../state/lending-plan.ts';
import type { DeviceProbe } from '@opengateway/gpu-worker';
import type { LentRoom } from '../../state/model-fit.ts';

/** What is pledged now, chosen or not. */
export function useLent(): (probe: DeviceProbe) => Required<LentRoom> {
  const { settings } = useSite();
  const memoryBytes = settings.memoryBytes.value;
  const storageBytes = settings.storageBytes.value;
  const deviceMemoryBytes = settings.deviceMemoryBytes.value;
  return (probe) => ({ memoryBytes: memoryBytes ?? defaultMemoryBytes(probe), storageBytes, deviceMemoryBytes });
}
