import type { TensorInfo, TensorReader, TensorType } from '@opengateway/core';
import type { Kernels } from './kernels.ts';
import type { LinearMemory } from './memory.ts';

/** Rows are interleaved by four in memory. */
const ROW_GROUP = 4;
/** Bytes of a tensor repacked at once; bounds what loading needs beside the weights themselves. */
export const STAGING_BYTES = 512 * 1024;

/** What the engine needs to know of each tensor type: GGUF bytes and packed bytes of 32 columns of a row, and kernels. */
interface MatrixFormat {
  /** How activations must be given to the product. */
  readonly activation: 'int8' | 'int16' | 'float';
  readonly sourceBytes: number;
  readonly packedBytes: number;
  /** Columns per unit of the two figures above. */
  readonly unit: 1 | 32;
  readonly repack: 'repackF16' | 'repackF32' | 'repackQ4_0' | 'repackQ4_1' | 'repackQ8_0';
  readonly embed: 'embedF16' | 'embedF32' | 'embedQ4' | 'embedQ8';
}

const FORMATS: Record<TensorType, MatrixFormat> = {
  F32: { activation: 'float', sourceBytes: 4, packedBytes: 4, unit: 1, repack: 'repackF32', embed: 'embedF32' },
  F16: { activation: 'float', sourceBytes: 2, packedBytes: 2, unit: 1, repack: 'repackF16', embed: 'embedF16' },
  Q8_0: { activation: 'int16', sourceBytes: 34, packedBytes: 36, unit: 32, repack: 'repackQ8_0', embed: 'embedQ8' },
  Q4_0: { activation: 'int8', sourceBytes: 18, packedBytes: 20, unit: 32, repack: 'repackQ4_0', embed: 'embedQ4' },
  Q4_1: { activation: 'int8', sourceBytes: 20, packedBytes: 20, unit: 32, repack: 'repackQ4_1', embed: 'embedQ4' },
};

/** A weight matrix in WASM memory, `[rows, columns]`, in the layout of its product's kernel. */
export interface Matrix {
  readonly type: TensorType;
  readonly format: MatrixFormat;
  readonly address: number;
  readonly bytes: number;
  readonly rows: number;
  /** `rows` rounded up to the row group: what the kernels compute and the output must have room for. */
  readonly paddedRows: number;
  readonly columns: number;
  /** Columns in units of the format: blocks of 32, or single columns. */
  readonly units: number;
}

/** Bytes a tensor occupies once packed. */
export function packedBytes(tensor: TensorInfo): number {
  const [columns = 1, rows = 1] = tensor.shape;
  const format = FORMATS[tensor.type];
  return Math.ceil(rows / ROW_GROUP) * ROW_GROUP * (columns / format.unit) * format.packedBytes;
}

/** Reads a tensor in pieces of whole row groups and packs each as it comes. `staging` is `STAGING_BYTES` of memory. */
export async function loadMatrix(
  {
    reader,
    kernels,
    memory,
    staging,
  }: { reader: TensorReader; kernels: Kernels; memory: LinearMemory; staging: number },
  tensor: TensorInfo,
  { signal, onBytes }: { signal?: AbortSignal | undefined; onBytes: (bytes: number) => void },
): Promise<Matrix> {
  const [columns = 1, rows = 1] = tensor.shape;
  const format = FORMATS[tensor.type];
  const units = columns / format.unit;
  const rowBytes = units * format.sourceBytes;
  const packedRowBytes = units * format.packedBytes;
  const bytes = packedBytes(tensor);
  const address = memory.allocate(bytes);
  const rowsAtOnce = Math.max(1, Math.floor(STAGING_BYTES / rowBytes / ROW_GROUP)) * ROW_GROUP;
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - row);
    const source = await reader.read(tensor, row * rowBytes, count * rowBytes, signal ? { signal } : {});
    memory.bytes(staging, source.length).set(source);
    kernels[format.repack](staging, address + row * packedRowBytes, count, units);
    onBytes(source.length);
  }
  return {
    type: tensor.type,
    format,
    address,
    bytes,
    rows,
    paddedRows: Math.ceil(rows / ROW_GROUP) * ROW_GROUP,
    columns,
    units,
  };
}

/** Bytes of staging that loading `tensor` needs: four rows of a very wide matrix may exceed `STAGING_BYTES`. */
export function stagingBytes(tensor: TensorInfo): number {
  const [columns = 1] = tensor.shape;
  const format = FORMATS[tensor.type];
  return Math.max(STAGING_BYTES, ROW_GROUP * (columns / format.unit) * format.sourceBytes);
}
