import { profileOf } from '@opengateway/core';
import type { CapabilityProfile } from '@opengateway/core';
import type { DeviceMeasurement, DeviceProbe } from '@opengateway/gpu-worker';
import type { Settings } from './settings.ts';

/** What a person said of the device beside what it tells. */
export type SaidOfDevice = Pick<Settings, 'deviceMemoryBytes' | 'graphicsMemoryBytes' | 'storageBytes'>;

/** Browsers stop at this when they tell of memory: what tells as much may have more. */
const MOST_TOLD_MEMORY_BYTES = 8 * 1024 ** 3;

/** All that is known of this device for the tiers, by the browser, by measurement and by the person's word. */
export const capabilityOf = (
  device: DeviceProbe,
  measurement: DeviceMeasurement | null,
  said: SaidOfDevice,
): CapabilityProfile =>
  profileOf({
    device,
    measurement,
    pledge: {
      memoryBytes: said.deviceMemoryBytes.value ?? undefined,
      graphicsMemoryBytes: said.graphicsMemoryBytes.value ?? undefined,
      diskBytes: said.storageBytes.value ?? undefined,
    },
  });

/** Of which figures the person's word counts: those that the browser or the measurement leaves open. */
export const openFigures = (
  { memoryBytes, graphics }: DeviceProbe,
  measurement: DeviceMeasurement | null,
): { readonly memory: boolean; readonly graphicsMemory: boolean } => ({
  memory: memoryBytes === null || memoryBytes >= MOST_TOLD_MEMORY_BYTES,
  graphicsMemory: graphics?.isSoftware !== true && measurement?.graphics?.moreLeft !== false && graphics !== null,
});
