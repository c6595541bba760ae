import type { GpuDevice } from '../device.ts';
import { segmentsOf } from '../segments.ts';
import { pipelinesOf } from '../pipelines.ts';
import type { Kernel } from './kernel.ts';
import { HEADER_WORDS, LOGIT_ROWS, RECORD, TOKEN_COUNT } from './step-layout.ts';

/** Data of one binding, or the size of an output in bytes. */
export type BenchBinding = ArrayBufferView<ArrayBuffer> | GPUBuffer;

/** Runs single kernels in tests, and frees what they used. */
export class KernelBench implements Disposable {
  readonly #gpu: GpuDevice;
  readonly #rewrite: (wgsl: string) => string;
  readonly #buffers: GPUBuffer[];

  constructor(gpu: GpuDevice, rewrite: (wgsl: string) => string = (wgsl) => wgsl, buffers: GPUBuffer[] = []) {
    this.#gpu = gpu;
    this.#rewrite = rewrite;
    this.#buffers = buffers;
  }

  /** The same bench, for kernels whose source is changed first. */
  rewriting(rewrite: (wgsl: string) => string): KernelBench {
    return new KernelBench(this.#gpu, rewrite, this.#buffers);
  }

  buffer(data: ArrayBufferView<ArrayBuffer>): GPUBuffer {
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const size = Math.max(16, Math.ceil(data.byteLength / 16) * 16);
    const buffer = this.#gpu.device.createBuffer({ size, usage: STORAGE | UNIFORM | COPY_SRC | COPY_DST });
    const padded = new Uint8Array(size);
    padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#gpu.device.queue.writeBuffer(buffer, 0, padded);
    this.#buffers.push(buffer);
    return buffer;
  }

  async run(kernel: Kernel, bindings: readonly BenchBinding[], [x, y]: readonly [number, number]): Promise<void> {
    const { device } = this.#gpu;
    const pipelines = pipelinesOf(device);
    device.pushErrorScope('validation');
    const pipeline = pipelines.get({ ...kernel, wgsl: this.#rewrite(kernel.wgsl) });
    const buffers = bindings.map((binding) => (ArrayBuffer.isView(binding) ? this.buffer(binding) : binding));
    const group = pipelines.bind(pipeline, buffers);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline.pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(x, y);
    pass.end();
    device.queue.submit([encoder.finish()]);
    const error = await device.popErrorScope();
    if (error) throw new Error(`${kernel.label}: ${error.message}`);
  }

  async read(buffer: GPUBuffer): Promise<ArrayBuffer> {
    const { device } = this.#gpu;
    const target = device.createBuffer({ size: buffer.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, target);
    device.queue.submit([encoder.finish()]);
    await target.mapAsync(GPUMapMode.READ);
    const data = target.getMappedRange().slice();
    target.destroy();
    return data;
  }

  async readFloats(buffer: GPUBuffer, length: number): Promise<Float32Array<ArrayBuffer>> {
    return new Float32Array(await this.read(buffer), 0, length);
  }

  [Symbol.dispose](): void {
    for (const buffer of this.#buffers.splice(0)) buffer.destroy();
  }
}

/** Rows as the kernels hold them: each padded with zeros to whole segments. */
export function paddedRows(values: Float32Array, columns: number): Float32Array<ArrayBuffer> {
  const { paddedColumns } = segmentsOf(columns);
  const rows = values.length / columns;
  const padded = new Float32Array(rows * paddedColumns);
  for (let row = 0; row < rows; row++) {
    padded.set(values.subarray(row * columns, (row + 1) * columns), row * paddedColumns);
  }
  return padded;
}

/** A step of `tokens` tokens whose records are `words` long; `logitTokens` are the rows of logits. */
export function stepOf(
  words: number,
  tokens: readonly { tokenId?: number; position?: number; pageTable?: number; rotations?: readonly number[] }[],
  logitTokens: readonly number[] = [],
): Uint32Array<ArrayBuffer> {
  const step = new Uint32Array(HEADER_WORDS + Math.max(tokens.length, logitTokens.length) * words);
  const floats = new Float32Array(step.buffer);
  step[TOKEN_COUNT] = tokens.length;
  step[LOGIT_ROWS] = logitTokens.length;
  tokens.forEach(({ tokenId = 0, position = 0, pageTable = 0, rotations = [] }, token) => {
    const start = HEADER_WORDS + token * words;
    step.set([tokenId, position, pageTable], start);
    floats.set(rotations, start + RECORD.rotations);
  });
  logitTokens.forEach((token, row) => {
    step[HEADER_WORDS + row * words + RECORD.logitToken] = token;
  });
  return step;
}
