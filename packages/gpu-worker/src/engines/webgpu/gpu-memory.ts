import type { GpuDevice } from './device.ts';
import { GpuMemoryError } from './errors.ts';

/** The buffers of one engine: counted, and destroyed together. */
export class GpuMemory {
  readonly gpu: GpuDevice;
  /** Most bytes that a kernel can be given as one buffer. */
  readonly maxBindingBytes: number;
  readonly #buffers = new Set<GPUBuffer>();
  #bytes = 0;

  constructor(
    gpu: GpuDevice,
    { maxBindingBytes = Number.POSITIVE_INFINITY }: { maxBindingBytes?: number | undefined } = {},
  ) {
    this.gpu = gpu;
    const { maxStorageBufferBindingSize, maxBufferSize } = gpu.device.limits;
    this.maxBindingBytes = Math.min(maxBindingBytes, maxStorageBufferBindingSize, maxBufferSize);
  }

  get allocatedBytes(): number {
    return this.#bytes;
  }

  /** `bytes` zeroed bytes, rounded up to 16. A refusal shows in `collect` or as a fault of the device. */
  allocate(
    label: string,
    bytes: number,
    usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
  ): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    if (size > this.gpu.device.limits.maxBufferSize) throw new GpuMemoryError(size);
    const buffer = this.gpu.device.createBuffer({ label, size, usage });
    this.#buffers.add(buffer);
    this.#bytes += size;
    return buffer;
  }

  free(buffer: GPUBuffer): void {
    if (!this.#buffers.delete(buffer)) return;
    this.#bytes -= buffer.size;
    buffer.destroy();
  }

  /**
   * Runs what allocates, and destroys everything again where it fails.
   *
   * @throws GpuMemoryError where the GPU has no room.
   */
  async collect<Result>(make: () => Promise<Result>): Promise<Result> {
    const { device } = this.gpu;
    device.pushErrorScope('out-of-memory');
    const outcome = await make().then(
      (made) => ({ made }),
      (error: unknown) => ({ error }),
    );
    try {
      const refused = await this.gpu.race(device.popErrorScope());
      if ('error' in outcome) throw outcome.error;
      if (refused) throw new GpuMemoryError(this.#bytes, { cause: refused });
      return outcome.made;
    } catch (error) {
      this.destroy();
      throw error;
    }
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    this.#bytes = 0;
  }
}
