import type { ModelArchitecture } from '@opengateway/core';
import type { GpuMemory } from './gpu-memory.ts';
import type { ProductScratch } from './product.ts';
import { segmentsOf } from './segments.ts';

/** Floats of one row of each activation. */
export interface ActivationStrides {
  readonly hidden: number;
  /** Queries, keys and values, side by side. */
  readonly projected: number;
  readonly keyOffset: number;
  readonly valueOffset: number;
  readonly attended: number;
  readonly gated: number;
}

export function activationStrides(architecture: ModelArchitecture): ActivationStrides {
  const { hiddenSize, feedForwardSize, headSize, queryHeadCount, keyValueHeadCount } = architecture;
  const queries = queryHeadCount * headSize;
  const keys = keyValueHeadCount * headSize;
  return {
    hidden: segmentsOf(hiddenSize).paddedColumns,
    projected: queries + 2 * keys,
    keyOffset: queries,
    valueOffset: queries + keys,
    attended: segmentsOf(queries).paddedColumns,
    gated: segmentsOf(feedForwardSize).paddedColumns,
  };
}

/**
 * Scratch of a forward, for its largest batch. Rows are padded to whole segments; nothing ever writes the
 * padding, so that it stays zero.
 */
export interface Activations extends ProductScratch {
  readonly strides: ActivationStrides;
  readonly hidden: GPUBuffer;
  readonly projected: GPUBuffer;
  readonly attended: GPUBuffer;
  readonly gated: GPUBuffer;
}

export function createActivations(memory: GpuMemory, architecture: ModelArchitecture, maxTokens: number): Activations {
  const strides = activationStrides(architecture);
  const floats = (label: string, stride: number) => memory.allocate(label, maxTokens * stride * 4);
  const widest = Math.max(strides.hidden, strides.attended, strides.gated);
  return {
    strides,
    hidden: floats('hidden', strides.hidden),
    normed: floats('normed', strides.hidden),
    projected: floats('projected', strides.projected),
    attended: floats('attended', strides.attended),
    gated: floats('gated', strides.gated),
    up: floats('up', strides.gated),
    bytes: memory.allocate('bytes', maxTokens * widest),
    byteScales: memory.allocate('byte scales', (maxTokens * widest) / 4),
  };
}
