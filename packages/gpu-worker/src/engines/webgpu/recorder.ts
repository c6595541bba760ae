import type { MutableCounters } from './counters.ts';
import type { Pipeline } from './pipelines.ts';

/** A dispatch but for its size: a kernel with what it works on. */
export interface BoundKernel {
  readonly pipeline: Pipeline;
  readonly group: GPUBindGroup;
}

/** Records dispatches into one compute pass and counts them. */
export class Recorder {
  readonly #pass: GPUComputePassEncoder;
  readonly #counters: MutableCounters;
  #current: GPUComputePipeline | null = null;

  constructor(pass: GPUComputePassEncoder, counters: MutableCounters) {
    this.#pass = pass;
    this.#counters = counters;
  }

  dispatch({ pipeline: { pipeline }, group }: BoundKernel, [x, y]: readonly [number, number]): void {
    if (pipeline !== this.#current) this.#pass.setPipeline(pipeline);
    this.#current = pipeline;
    this.#pass.setBindGroup(0, group);
    this.#pass.dispatchWorkgroups(x, y);
    this.#counters.dispatches++;
  }
}
