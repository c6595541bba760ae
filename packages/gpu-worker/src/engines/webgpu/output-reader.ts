import type { EngineInfo, EngineOutput, TopLogits } from '../engine.ts';
import type { MutableCounters } from './counters.ts';
import type { PassResults, PassSegment } from './forward-pass.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { topKWords } from './kernels/top-k.wgsl.ts';
import { Readback } from './readback.ts';

/** Results on their way back: where each step's lie in the readback buffer. */
export interface PendingOutputs {
  readonly buffer: GPUBuffer | null;
  readonly bytes: number;
  readonly segments: readonly PassSegment[];
  readonly offsets: readonly number[];
}

const NOTHING = new Float32Array(0);

/** Brings a pass's results to the host: exactly what the steps ask for, in one copy back. */
export class OutputReader {
  readonly #memory: GpuMemory;
  readonly #counters: MutableCounters;
  readonly #info: EngineInfo;
  readonly #hiddenStride: number;
  readonly #readback: Readback;
  #values = new Float32Array(0);

  constructor(memory: GpuMemory, counters: MutableCounters, info: EngineInfo, hiddenStride: number) {
    this.#memory = memory;
    this.#counters = counters;
    this.#info = info;
    this.#hiddenStride = hiddenStride;
    this.#readback = new Readback(memory);
  }

  /** Records the copies into `encoder`. */
  copy(encoder: GPUCommandEncoder, segments: readonly PassSegment[], results: PassResults): PendingOutputs {
    const sizes = segments.map((segment) => this.#rows(segment) * this.#rowBytes(segment));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    if (bytes === 0) return { buffer: null, bytes, segments, offsets: [] };
    const buffer = this.#readback.take(bytes);
    let offset = 0;
    const offsets = segments.map((segment, index) => {
      const start = offset;
      const size = sizes[index]!;
      const { output } = segment.step;
      const source = output === 'hidden' ? results.hidden : output === 'top-k' ? results.top : results.logits;
      if (size > 0 && source) {
        const first = results.firstRows[index]! * this.#rowBytes(segment);
        encoder.copyBufferToBuffer(source, first, buffer, start, size);
      }
      offset += size;
      return start;
    });
    return { buffer, bytes, segments, offsets };
  }

  /** Waits for the work and its copies. The values are valid until the next read. */
  async read({ buffer, bytes, segments, offsets }: PendingOutputs): Promise<EngineOutput[]> {
    if (!buffer) {
      await this.#memory.gpu.race(this.#memory.gpu.device.queue.onSubmittedWorkDone());
      return segments.map(() => ({ values: NOTHING }));
    }
    let outputs: EngineOutput[] = [];
    await this.#readback.read(buffer, bytes, (data) => {
      this.#counters.bytesRead += bytes;
      if (this.#values.byteLength < bytes) this.#values = new Float32Array(bytes / 4);
      this.#values.set(new Float32Array(data));
      outputs = segments.map((segment, index) => this.#output(segment, offsets[index]! / 4));
    });
    return outputs;
  }

  #output(segment: PassSegment, start: number): EngineOutput {
    const { output } = segment.step;
    const rows = this.#rows(segment);
    if (rows === 0) return { values: NOTHING };
    if (output === 'top-k') return { values: NOTHING, top: this.#top(start) };
    const rowLength = this.#rowBytes(segment) / 4;
    const { hiddenSize } = this.#info.architecture;
    const values = this.#values.subarray(start, start + rows * rowLength);
    if (output !== 'hidden' || rowLength === hiddenSize) return { values };
    for (let row = 1; row < rows; row++) {
      values.copyWithin(row * hiddenSize, row * rowLength, row * rowLength + hiddenSize);
    }
    return { values: values.subarray(0, rows * hiddenSize) };
  }

  #top(start: number): TopLogits {
    const k = this.#info.topK ?? 0;
    const words = new Int32Array(this.#values.buffer, start * 4, topKWords(k));
    const floats = this.#values.subarray(start, start + topKWords(k));
    const order = Array.from({ length: k }, (_, index) => index);
    order.sort((a, b) => floats[2 + k + b]! - floats[2 + k + a]! || words[2 + a]! - words[2 + b]!);
    return {
      tokens: Int32Array.from(order, (index) => words[2 + index]!),
      logits: Float32Array.from(order, (index) => floats[2 + k + index]!),
      logSumExp: floats[0]! + Math.log(floats[1]!),
    };
  }

  #rows({ step: { output }, tokens }: PassSegment): number {
    if (output === 'none') return 0;
    return output === 'hidden' || output === 'all-logits' ? tokens : 1;
  }

  #rowBytes({ step: { output } }: PassSegment): number {
    if (output === 'hidden') return this.#hiddenStride * 4;
    if (output === 'top-k') return topKWords(this.#info.topK ?? 0) * 4;
    return this.#info.architecture.vocabularySize * 4;
  }
}
