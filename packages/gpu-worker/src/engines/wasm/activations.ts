import type { Kernels } from './kernels.ts';
import type { LinearMemory } from './memory.ts';
import type { Matrix } from './matrix.ts';

/**
 * One float buffer `[maxRows, columns]` in WASM memory and its quantised forms, each made when a product
 * first asks for it.
 */
export class Activations {
  readonly address: number;
  readonly rowBytes: number;
  readonly #kernels: Kernels;
  readonly #columns: number;
  readonly #blocks: number;
  readonly #int8: { values: number; scales: number; sums: number };
  readonly #int16: { values: number; scales: number };
  #hasInt8 = false;
  #hasInt16 = false;

  constructor(kernels: Kernels, memory: LinearMemory, maxRows: number, columns: number) {
    this.#kernels = kernels;
    this.#columns = columns;
    // Columns that are no multiple of 32 never meet a quantised matrix.
    this.#blocks = Math.floor(columns / 32);
    this.rowBytes = columns * 4;
    this.address = memory.allocate(maxRows * this.rowBytes);
    const scaleBytes = maxRows * this.#blocks * 4;
    this.#int8 = {
      values: memory.allocate(maxRows * columns),
      scales: memory.allocate(scaleBytes),
      sums: memory.allocate(scaleBytes),
    };
    this.#int16 = { values: memory.allocate(maxRows * columns * 2), scales: memory.allocate(scaleBytes) };
  }

  /** Says that the floats were written anew. */
  changed(): void {
    this.#hasInt8 = false;
    this.#hasInt16 = false;
  }

  /**
   * Adds a job: out[row][0, matrix.paddedRows) = matrix x of the first `rows` rows; output rows lie `outRowBytes` apart.
   */
  addProduct(matrix: Matrix, out: number, rows: number, outRowBytes: number): void {
    const { address, paddedRows, units, type } = matrix;
    switch (matrix.format.activation) {
      case 'int8': {
        const { values, scales, sums } = this.#int8;
        if (!this.#hasInt8) this.#kernels.quantize8(this.address, values, scales, sums, this.#blocks * rows);
        this.#hasInt8 = true;
        this.#kernels.addMatmulQ4(address, values, scales, sums, out, paddedRows, units, rows, outRowBytes);
        return;
      }
      case 'int16': {
        const { values, scales } = this.#int16;
        if (!this.#hasInt16) this.#kernels.quantize16(this.address, values, scales, this.#blocks * rows);
        this.#hasInt16 = true;
        this.#kernels.addMatmulQ8(address, values, scales, out, paddedRows, units, rows, outRowBytes);
        return;
      }
      case 'float': {
        const add = type === 'F16' ? this.#kernels.addMatmulF16 : this.#kernels.addMatmulF32;
        add(address, this.address, out, paddedRows, this.#columns, rows, outRowBytes);
      }
    }
  }
}
