/** A GPU that computes nothing: it can be asked for, lost, and made to complain. */
export class StandInGpu {
  readonly wgslLanguageFeatures: ReadonlySet<string> = new Set();
  /** Devices made, in order. */
  readonly devices: StandInDevice[] = [];
  readonly #features: ReadonlySet<string>;

  constructor({ features = ['shader-f16'] }: { readonly features?: readonly string[] } = {}) {
    this.#features = new Set(features);
  }

  async requestAdapter(): Promise<GPUAdapter> {
    const requestDevice = async () => {
      const device = new StandInDevice(this.#features);
      this.devices.push(device);
      return device as unknown as GPUDevice;
    };
    return { features: this.#features, requestDevice } as unknown as GPUAdapter;
  }

  /** As what `navigator.gpu` is. */
  asGpu(): GPU {
    return this as unknown as GPU;
  }
}

/** A device of a `StandInGpu`. */
export class StandInDevice extends EventTarget {
  readonly features: ReadonlySet<string>;
  readonly adapterInfo = {
    vendor: 'stand-in',
    architecture: '',
    device: '',
    description: '',
    isFallbackAdapter: false,
  };
  readonly lost: Promise<GPUDeviceLostInfo>;
  readonly #lose: (info: GPUDeviceLostInfo) => void;

  constructor(features: ReadonlySet<string>) {
    super();
    this.features = features;
    const { promise, resolve } = Promise.withResolvers<GPUDeviceLostInfo>();
    this.lost = promise;
    this.#lose = resolve;
  }

  destroy(): void {
    this.lose('destroyed', 'Device was destroyed.');
  }

  lose(reason: GPUDeviceLostReason, message: string): void {
    this.#lose({ reason, message } as GPUDeviceLostInfo);
  }

  /** Reports an error that no call waited for, as a failed allocation does. */
  complain(error: GPUError): void {
    this.dispatchEvent(Object.assign(new Event('uncapturederror', { cancelable: true }), { error }));
  }
}
