import { GpuDevice } from '../webgpu/device.ts';

/** What is needed of `navigator.gpu`. */
export type WatchedGpu = Pick<GPU, 'requestAdapter' | 'wgslLanguageFeatures'>;

/** Sees which device the library makes for itself, which it tells nobody. */
export interface GpuWatch {
  /** The device made last while watching, or null. */
  readonly device: GpuDevice | null;
  /** Looks no more for devices; the one seen is still listened to. */
  stop(): void;
}

/**
 * Watches a `GPU` for the device that is made next.
 *
 * The library keeps its device to itself: when that is lost it frees everything and says so in the console
 * alone, and a failed allocation it does not tell at all. So the two requests that lead to a device are
 * passed on through here while a model is loaded.
 */
export function watchGpu(gpu: WatchedGpu): GpuWatch {
  let device: GpuDevice | null = null;
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  const stop = shadow(gpu, 'requestAdapter', async (options?: GPURequestAdapterOptions) => {
    const adapter = await requestAdapter(options);
    if (adapter === null) return null;
    const requestDevice = adapter.requestDevice.bind(adapter);
    // The adapter is the library's own and good for one device, so this need not be taken away again.
    shadow(adapter, 'requestDevice', async (descriptor?: GPUDeviceDescriptor) => {
      const made = await requestDevice(descriptor);
      device?.release();
      device = new GpuDevice(made, gpu.wgslLanguageFeatures);
      return made;
    });
    return adapter;
  });
  return {
    get device() {
      return device;
    },
    stop,
  };
}

/** Puts `method` before one object's method of that name; returns what takes it away again. */
function shadow(target: object, name: string, method: (argument?: never) => unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { configurable: true, value: method });
  return () => {
    if (own) Object.defineProperty(target, name, own);
    else Reflect.deleteProperty(target, name);
  };
}
