import { MAX_BINDING_BYTES, MAX_KEPT_FAULTS } from './constants.ts';
import { DeviceLostError, GpuFailedError, GpuMemoryError, GpuUnavailableError } from './errors.ts';
import { SOFTWARE_ADAPTER_NAMES } from '../../probe/software-adapter.ts';

/** What picks kernel variants; each may be missing. */
export interface GpuFeatures {
  /** Sums of four neighbouring threads without workgroup memory. */
  readonly subgroups: boolean;
  /** Half-precision arithmetic. */
  readonly float16: boolean;
  /** Dot products of four signed bytes at once. */
  readonly packedDot: boolean;
}

export interface GpuDeviceEvents {
  /** Once: the device is gone and everything on it. */
  lost: CustomEvent<DeviceLostError>;
  /** A failure that no call was waiting for. */
  error: CustomEvent<GpuFailedError | GpuMemoryError>;
}

/** Workgroup memory beyond which no kernel here goes. */
const WORKGROUP_STORAGE_BYTES = 32_768;
const STORAGE_BUFFERS = 10;
/** What the kernels cannot do without; every WebGPU core adapter has it. */
const REQUIRED_LIMITS = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 128,
} as const;

/**
 * A device, what it can do, and whether it still works. Fires `lost` and `error`.
 *
 * @example
 * const gpu = await requestGpuDevice(navigator.gpu);
 * gpu.on('lost', (event) => console.log(event.detail.message));
 */
export class GpuDevice extends EventTarget {
  readonly device: GPUDevice;
  readonly features: GpuFeatures;
  /** Vendor and architecture as the browser says, e.g. `nvidia ampere`; the key of what is measured on it. */
  readonly description: string;
  /** Computes on the CPU: slower than the `wasm` engine. */
  readonly isSoftware: boolean;
  /** Resolves when the device is lost. */
  readonly lost: Promise<DeviceLostError>;
  #lost: DeviceLostError | null = null;
  readonly #faults: (GpuFailedError | GpuMemoryError)[] = [];
  #faultCount = 0;

  /** `languageFeatures` are those of `navigator.gpu`. */
  constructor(device: GPUDevice, languageFeatures: ReadonlySet<string>) {
    super();
    this.device = device;
    const { vendor, architecture, device: model, description, isFallbackAdapter } = device.adapterInfo;
    this.description = [vendor, architecture, model, description].filter(Boolean).join(' ') || 'unknown GPU';
    this.isSoftware = isFallbackAdapter || SOFTWARE_ADAPTER_NAMES.test(this.description);
    this.features = {
      subgroups: device.features.has('subgroups'),
      float16: device.features.has('shader-f16'),
      packedDot: languageFeatures.has('packed_4x8_integer_dot_product'),
    };
    device.addEventListener('uncapturederror', this.#onError);
    this.lost = this.#watch();
  }

  /** Failures reported so far, to be compared before and after a piece of work. */
  get faultCount(): number {
    return this.#faultCount;
  }

  /** Throws what has happened to the device, or since `faultCount` was `since`. */
  throwIfFailed(since: number = this.#faultCount): void {
    if (this.#lost) throw this.#lost;
    if (this.#faultCount > since) throw this.#faults.at(-1) ?? new GpuFailedError('no reason was given.');
  }

  /** The result of GPU work, or the loss of the device, whichever is first. */
  async race<Result>(work: Promise<Result>): Promise<Result> {
    const outcome = await Promise.race([work.then((value) => ({ value }), this.#explain), this.lost]);
    if (outcome instanceof Error) throw outcome;
    return outcome.value;
  }

  /** Stops listening; the device itself lives on. */
  release(): void {
    this.device.removeEventListener('uncapturederror', this.#onError);
  }

  /** Hears of the device's loss or failures. @returns what ends it */
  on<Name extends keyof GpuDeviceEvents>(name: Name, listener: (event: GpuDeviceEvents[Name]) => void): () => void {
    this.addEventListener(name, listener as EventListener);
    return () => this.removeEventListener(name, listener as EventListener);
  }

  readonly #explain = async (cause: unknown): Promise<never> => {
    // Work on a lost device fails a moment before the loss itself is told.
    await Promise.resolve();
    if (this.#lost) throw this.#lost;
    if (cause instanceof Error && cause.name === 'AbortError') throw await this.lost;
    throw new GpuFailedError(String((cause as Error).message), { cause });
  };

  readonly #onError = (event: GPUUncapturedErrorEvent): void => {
    event.preventDefault();
    const fault =
      event.error instanceof GPUOutOfMemoryError
        ? new GpuMemoryError(0, { cause: event.error })
        : new GpuFailedError(event.error.message, { cause: event.error });
    this.#faultCount++;
    if (this.#faults.length < MAX_KEPT_FAULTS) this.#faults.push(fault);
    this.dispatchEvent(new CustomEvent('error', { detail: fault }));
  };

  async #watch(): Promise<DeviceLostError> {
    const { reason, message } = await this.device.lost;
    this.#lost = new DeviceLostError(reason, message);
    this.dispatchEvent(new CustomEvent('lost', { detail: this.#lost }));
    return this.#lost;
  }
}

/**
 * Asks for the fastest adapter and, of what it offers, for what the kernels can use.
 *
 * @throws GpuUnavailableError with a sentence for the person in front of it.
 */
export async function requestGpuDevice(gpu: GPU | undefined): Promise<GpuDevice> {
  if (!gpu) throw new GpuUnavailableError('This browser does not offer WebGPU; update it, or serve on the CPU.');
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new GpuUnavailableError(
      'The browser lets no page use the GPU here: none is supported, or it is switched off.',
    );
  }
  for (const [name, least] of Object.entries(REQUIRED_LIMITS)) {
    const offered = adapter.limits[name as keyof typeof REQUIRED_LIMITS];
    if (offered < least) {
      throw new GpuUnavailableError(
        `This GPU is too small for the model's kernels (${name} is ${offered}, not ${least}).`,
      );
    }
  }
  const { limits } = adapter;
  try {
    const device = await adapter.requestDevice({
      label: 'opengateway',
      requiredFeatures: (['shader-f16', 'subgroups'] as const).filter((feature) => adapter.features.has(feature)),
      requiredLimits: {
        maxBufferSize: Math.min(limits.maxBufferSize, MAX_BINDING_BYTES),
        maxStorageBufferBindingSize: Math.min(limits.maxStorageBufferBindingSize, MAX_BINDING_BYTES),
        maxComputeWorkgroupStorageSize: Math.min(limits.maxComputeWorkgroupStorageSize, WORKGROUP_STORAGE_BYTES),
        maxStorageBuffersPerShaderStage: Math.min(limits.maxStorageBuffersPerShaderStage, STORAGE_BUFFERS),
      },
    });
    return new GpuDevice(device, gpu.wgslLanguageFeatures);
  } catch (cause) {
    throw new GpuUnavailableError('The GPU refused to start; another program may hold all of its memory.', { cause });
  }
}
