import type { GpuMemory } from './gpu-memory.ts';

/** Small constants of kernels, one buffer for each distinct one. */
export class Uniforms {
  readonly #memory: GpuMemory;
  readonly #buffers = new Map<string, GPUBuffer>();

  constructor(memory: GpuMemory) {
    this.#memory = memory;
  }

  /** A buffer that holds `words`. */
  get(words: Uint32Array<ArrayBuffer>): GPUBuffer {
    const key = words.join();
    let buffer = this.#buffers.get(key);
    if (!buffer) {
      buffer = this.#memory.allocate('uniform', words.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
      this.#memory.gpu.device.queue.writeBuffer(buffer, 0, words);
      this.#buffers.set(key, buffer);
    }
    return buffer;
  }
}
