import { TENSOR_TYPE_LAYOUTS, type TensorInfo, type TensorReader, type TensorType } from '@opengateway/core';
import { BLOCK_COLUMNS, UPLOAD_BYTES } from './constants.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { BLOCK_FORMATS } from './kernels/block-formats.ts';
import type { Binding } from './pipelines.ts';
import { segmentsOf } from './segments.ts';

/** Consecutive rows of a weight matrix in GPU memory, in the layout of kernels/block-formats.ts. */
export interface MatrixPart {
  readonly type: TensorType;
  /** Of the whole matrix's rows. */
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: number;
  /** Quants, and scales where the format has them: as kernels bind them. */
  readonly bindings: readonly Binding[];
}

/** Rows a part starts and ends at: scales of half a word must not share a word between two writes. */
const PART_ROWS = 8;
/** Bytes on their way to the GPU before loading waits for it. */
const MAX_BYTES_UNDER_WAY = 32 * 2 ** 20;

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes: (bytes: number) => void;
  /** Rows at which the matrix is cut. @default as many as can be bound at once */
  readonly rowsPerPart?: number;
}

/** Most rows of matrices of these types that can be bound at once. */
export function bindableRows({ maxBindingBytes }: GpuMemory, types: readonly TensorType[], columns: number): number {
  const rowBytes = Math.max(...types.map((type) => matrixBytes(type, PART_ROWS, columns).quants)) / PART_ROWS;
  return Math.max(PART_ROWS, Math.floor(maxBindingBytes / rowBytes / PART_ROWS) * PART_ROWS);
}

/** Bytes of `rows` rows of a matrix on the GPU. */
export function matrixBytes(type: TensorType, rows: number, columns: number): { quants: number; scales: number } {
  const blocks = (rows * segmentsOf(columns).paddedColumns) / BLOCK_COLUMNS;
  const { vectors, scales } = BLOCK_FORMATS[type];
  return { quants: blocks * vectors * 16, scales: Math.ceil((blocks * scales * 2) / 4) * 4 };
}

/**
 * Reads tensors of one type and width, one below the other, and holds them as one matrix: in one part, or in
 * several where it is too large to be bound at once.
 *
 * @throws what the reader throws, GpuMemoryError, DeviceLostError, or the signal's reason.
 */
export async function loadMatrix(
  { reader, memory }: { reader: TensorReader; memory: GpuMemory },
  tensors: readonly TensorInfo[],
  options: LoadOptions,
): Promise<MatrixPart[]> {
  const [{ type, shape }] = tensors as readonly [TensorInfo];
  const columns = shape[0]!;
  const rows = tensors.reduce((sum, tensor) => sum + (tensor.shape[1] ?? 1), 0);
  const rowsPerPart = options.rowsPerPart ?? bindableRows(memory, [type], columns);
  const parts: MatrixPart[] = [];
  const targets: { quants: GPUBuffer; scales: GPUBuffer | null }[] = [];
  for (let firstRow = 0; firstRow < rows; firstRow += rowsPerPart) {
    const count = Math.min(rowsPerPart, rows - firstRow);
    const bytes = matrixBytes(type, count, columns);
    const label = `${tensors[0]!.name} rows ${firstRow} to ${firstRow + count}`;
    const quants = memory.allocate(label, bytes.quants);
    const scales = bytes.scales === 0 ? null : memory.allocate(`${label}, scales`, bytes.scales);
    targets.push({ quants, scales });
    parts.push({ type, firstRow, rows: count, columns, bindings: scales ? [quants, scales] : [quants] });
  }

  let row = 0;
  for (const tensor of tensors) {
    for await (const { bytes, count } of pieces(reader, tensor, options)) {
      const packed = packRows(type, bytes, count, columns);
      // A piece may end one part and begin the next.
      for (let done = 0; done < count;) {
        const part = Math.floor((row + done) / rowsPerPart);
        const within = row + done - part * rowsPerPart;
        const length = Math.min(count - done, rowsPerPart - within);
        upload(memory, targets[part]!, { type, columns, packed, from: done, to: within, rows: length });
        done += length;
      }
      row += count;
      options.onBytes(bytes.byteLength);
      await waitForUploads(memory, packed.quants.byteLength);
    }
  }
  return parts;
}

/** A tensor's bytes in whole rows, an even number of them but for the last piece. */
async function* pieces(reader: TensorReader, tensor: TensorInfo, { signal }: LoadOptions) {
  const [, rows = 1] = tensor.shape;
  const rowBytes = tensor.bytes / rows;
  const rowsAtOnce = Math.max(PART_ROWS, Math.floor(UPLOAD_BYTES / rowBytes / PART_ROWS) * PART_ROWS);
  for (let row = 0; row < rows; row += rowsAtOnce) {
    signal?.throwIfAborted();
    const count = Math.min(rowsAtOnce, rows - row);
    yield { bytes: await reader.read(tensor, row * rowBytes, count * rowBytes, signal ? { signal } : {}), count };
  }
  signal?.throwIfAborted();
}

interface PackedRows {
  readonly quants: Uint32Array<ArrayBuffer>;
  /** Half-precision bits, one or two per block. */
  readonly scales: Uint16Array<ArrayBuffer>;
}

/** GGUF rows in the layout the kernels read: what belongs to one step of all segments side by side. */
export function packRows(type: TensorType, bytes: Uint8Array, rows: number, columns: number): PackedRows {
  const { segments, blocks } = segmentsOf(columns);
  const { vectors, scales } = BLOCK_FORMATS[type];
  const { blockBytes, blockElements } = TENSOR_TYPE_LAYOUTS[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rowBytes = bytes.byteLength / rows;
  const sourceBytes = (BLOCK_COLUMNS / blockElements) * blockBytes;
  const quants = new Uint32Array(rows * blocks * segments * vectors * 4);
  const packedScales = new Uint16Array(Math.ceil((rows * blocks * segments * scales) / 2) * 2);
  const quantOffset = scales * 2;
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block * sourceBytes < rowBytes; block++) {
      const source = row * rowBytes + block * sourceBytes;
      const segment = Math.floor(block / blocks);
      const line = row * blocks + (block % blocks);
      for (let scale = 0; scale < scales; scale++) {
        packedScales[(line * segments + segment) * scales + scale] = view.getUint16(source + scale * 2, true);
      }
      const words = Math.min(vectors * 4, (rowBytes - block * sourceBytes - quantOffset) / 4);
      for (let word = 0; word < words; word++) {
        const vector = (line * vectors + (word >> 2)) * segments + segment;
        quants[vector * 4 + (word & 3)] = view.getUint32(source + quantOffset + word * 4, true);
      }
    }
  }
  return { quants, scales: packedScales };
}

function upload(
  { gpu: { device } }: GpuMemory,
  target: { quants: GPUBuffer; scales: GPUBuffer | null },
  piece: { type: TensorType; columns: number; packed: PackedRows; from: number; to: number; rows: number },
): void {
  const { type, columns, packed, from, to, rows } = piece;
  const rowQuants = matrixBytes(type, PART_ROWS, columns).quants / PART_ROWS;
  device.queue.writeBuffer(
    target.quants,
    to * rowQuants,
    packed.quants,
    (from * rowQuants) / 4,
    (rows * rowQuants) / 4,
  );
  if (!target.scales) return;
  const rowScales = (rowQuants / 16 / BLOCK_FORMATS[type].vectors) * BLOCK_FORMATS[type].scales;
  const length = Math.ceil((rows * rowScales) / 2) * 2;
  device.queue.writeBuffer(target.scales, to * rowScales * 2, packed.scales, from * rowScales, length);
}

const underWay = new WeakMap<GpuMemory, number>();

/** Keeps what the browser holds for the GPU bounded. */
async function waitForUploads(memory: GpuMemory, bytes: number): Promise<void> {
  const total = (underWay.get(memory) ?? 0) + bytes;
  underWay.set(memory, total < MAX_BYTES_UNDER_WAY ? total : 0);
  if (total >= MAX_BYTES_UNDER_WAY) await memory.gpu.race(memory.gpu.device.queue.onSubmittedWorkDone());
}
