import type { DeviceState } from './device-state.ts';
import type { LendingPlan, LendingWish } from './lending-plan.ts';
import type { LoadMark } from './load-mark.ts';
import type { Settings } from './settings.ts';

/** Decides how the device is lent; measures it first where that decides and was not done yet. */
export const createPlanner =
  (components: {
    device: Pick<DeviceState, 'look' | 'measure' | 'kept'>;
    settings: Pick<Settings, 'threads' | 'memoryBytes' | 'storageBytes' | 'share'>;
    mark: Pick<LoadMark, 'deaths'>;
  }) =>
  async (wish: LendingWish): Promise<LendingPlan> => {
    const { device, settings, mark } = components;
    const [{ planLending, defaultMemoryBytes }, { defaultThreads }, probe] = await Promise.all([
      import('./lending-plan.ts'),
      import('@opengateway/gpu-worker'),
      device.look(),
    ]);
    const pledge = {
      threads: settings.threads.value,
      memoryBytes: settings.memoryBytes.value,
      storageBytes: settings.storageBytes.value,
      share: settings.share.value,
    };
    const deaths = mark.deaths();
    const measured = device.kept.value?.measurement ?? null;
    const decides = wish.engine === undefined && wish.entry.package === undefined && deaths === 0;
    const measurement =
      measured ??
      (decides
        ? await device.measure({
            threads: wish.threads ?? pledge.threads ?? defaultThreads(probe),
            gpuMemoryBytes: pledge.memoryBytes ?? defaultMemoryBytes(probe),
          })
        : null);
    return planLending({ wish, probe, measurement, pledge, deaths });
  };
