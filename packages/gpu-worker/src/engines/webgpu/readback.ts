import { MAX_POOLED_READBACK_BYTES } from './constants.ts';
import type { GpuMemory } from './gpu-memory.ts';

/** Buffers that bring results back, kept from one forward to the next. */
export class Readback {
  readonly #memory: GpuMemory;
  #buffer: GPUBuffer | null = null;

  constructor(memory: GpuMemory) {
    this.#memory = memory;
  }

  /** A buffer of at least `bytes` to copy to; one forward at a time. */
  take(bytes: number): GPUBuffer {
    if (this.#buffer && this.#buffer.size >= bytes) return this.#buffer;
    if (this.#buffer) this.#memory.free(this.#buffer);
    // Powers of two: a batch that grows by one sequence at a time does not allocate each time.
    const size = 2 ** Math.ceil(Math.log2(Math.max(4096, bytes)));
    this.#buffer = this.#memory.allocate('readback', size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    return this.#buffer;
  }

  /** Waits for the copies and hands their first `bytes` bytes to `use`, which must not keep them. */
  async read(buffer: GPUBuffer, bytes: number, use: (data: ArrayBuffer) => void): Promise<void> {
    await this.#memory.gpu.race(buffer.mapAsync(GPUMapMode.READ, 0, bytes));
    try {
      use(buffer.getMappedRange(0, bytes));
    } finally {
      buffer.unmap();
    }
    if (buffer.size > MAX_POOLED_READBACK_BYTES) {
      this.#memory.free(buffer);
      this.#buffer = null;
    }
  }
}
