import { qualifiedTiers } from '@opengateway/core';
import { capabilityOf } from './capability.ts';
import type { CatalogEntry } from '@opengateway/core';
import type { SaidOfDevice } from './capability.ts';
import type { DeviceState } from './device-state.ts';
import type { LendingPlan, LendingWish } from './lending-plan.ts';
import type { LoadMark } from './load-mark.ts';
import type { Settings } from './settings.ts';

/** Decides how the device is lent; measures it first where that decides and was not done yet. */
export const createPlanner =
  (components: {
    device: Pick<DeviceState, 'look' | 'measure' | 'kept'>;
    settings: SaidOfDevice & Pick<Settings, 'threads' | 'memoryBytes' | 'share' | 'others'>;
    /** Of the relay. */
    catalog: () => readonly CatalogEntry[];
    mark: Pick<LoadMark, 'deaths'>;
  }) =>
  async (wish: LendingWish): Promise<LendingPlan> => {
    const { device, settings, catalog, mark } = components;
    const [{ planLending, defaultMemoryBytes }, { defaultThreads }, probe] = await Promise.all([
      import('./lending-plan.ts'),
      import('@opengateway/gpu-worker'),
      device.look(),
    ]);
    const lent = { threads: settings.threads.value, memoryBytes: settings.memoryBytes.value };
    const deaths = mark.deaths();
    const measured = device.kept.value?.measurement ?? null;
    const decides = wish.engine === undefined && wish.entry.package === undefined && deaths === 0;
    const measurement =
      measured ??
      (decides
        ? await device.measure({
            threads: wish.threads ?? lent.threads ?? defaultThreads(probe),
            gpuMemoryBytes: lent.memoryBytes ?? defaultMemoryBytes(probe),
          })
        : null);
    const pledge = {
      ...lent,
      storageBytes: settings.storageBytes.value,
      share: settings.share.value,
      tiers: qualifiedTiers(capabilityOf(probe, measurement, settings)),
      others: catalog().filter(({ id }) => settings.others.value.includes(id)),
    };
    return planLending({ wish, probe, measurement, pledge, deaths });
  };
