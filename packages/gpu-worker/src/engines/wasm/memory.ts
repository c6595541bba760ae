import { OpenGatewayError } from '@opengateway/core';

const WASM_PAGE_BYTES = 65_536;
/** 32-bit addresses: 4 GiB less one page, so that no length overflows. */
export const MAX_MEMORY_BYTES = 65_535 * WASM_PAGE_BYTES;
/** Below this lie the module's own constants (`--memoryBase`). */
const FIRST_FREE_BYTE = 65_536;
/** Every allocation starts on a cache line. */
const ALIGNMENT = 64;

/** The device or browser refused to give the memory that the model needs. */
export class InsufficientMemoryError extends OpenGatewayError {
  static override readonly name = 'InsufficientMemoryError';
  constructor(wantedBytes: number, options?: ErrorOptions) {
    super('insufficient_memory', `${Math.ceil(wantedBytes / 2 ** 20)} MiB of memory could not be had.`, options);
  }
}

/**
 * Grows one WebAssembly memory from the bottom up; nothing is given back before the whole memory is dropped.
 * Growing detaches earlier views: take `view` again after an allocation.
 */
export class LinearMemory {
  readonly memory: WebAssembly.Memory;
  #end = FIRST_FREE_BYTE;

  /** Throws InsufficientMemoryError where the host cannot even reserve addresses for a shared memory. */
  constructor({ shared }: { shared: boolean }) {
    const initial = FIRST_FREE_BYTE / WASM_PAGE_BYTES;
    try {
      this.memory = new WebAssembly.Memory(
        shared ? { initial, maximum: MAX_MEMORY_BYTES / WASM_PAGE_BYTES, shared } : { initial },
      );
    } catch (cause) {
      throw new InsufficientMemoryError(MAX_MEMORY_BYTES, { cause });
    }
  }

  get allocatedBytes(): number {
    return this.#end;
  }

  /** Address of `bytes` zeroed bytes, 64-byte aligned. Throws InsufficientMemoryError. */
  allocate(bytes: number): number {
    const address = Math.ceil(this.#end / ALIGNMENT) * ALIGNMENT;
    const end = address + bytes;
    const missing = end - this.memory.buffer.byteLength;
    if (end > MAX_MEMORY_BYTES) throw new InsufficientMemoryError(end);
    if (missing > 0) {
      try {
        this.memory.grow(Math.ceil(missing / WASM_PAGE_BYTES));
      } catch (cause) {
        throw new InsufficientMemoryError(end, { cause });
      }
    }
    this.#end = end;
    return address;
  }

  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }
}
