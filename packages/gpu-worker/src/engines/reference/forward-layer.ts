import type { ModelArchitecture } from '@opengateway/core';
import { add } from './add.ts';
import { attention } from './attention.ts';
import { matmul } from './matmul.ts';
import { rmsNorm } from './rms-norm.ts';
import { rope } from './rope.ts';
import type { LayerCache } from './sequences.ts';
import { swiglu } from './swiglu.ts';
import type { LayerWeights } from './weights.ts';

/** Consecutive rows of a batch that belong to one sequence. */
export interface BatchPart {
  /** Position of its first row in the sequence. */
  readonly firstPosition: number;
  readonly rows: number;
  readonly cache: LayerCache;
}

/** One transformer layer over a batch `[rows, hiddenSize]`; appends every part's keys and values to its cache. */
export function forwardLayer(
  states: Float32Array,
  parts: readonly BatchPart[],
  weights: LayerWeights,
  architecture: ModelArchitecture,
): Float32Array {
  const { hiddenSize, feedForwardSize, queryHeadCount, keyValueHeadCount, headSize, rmsNormEpsilon } = architecture;
  const turn = (values: Float32Array, headCount: number) =>
    rope(values, positions, {
      headCount,
      headSize,
      dimensionCount: architecture.ropeDimensionCount,
      base: architecture.ropeBase,
      layout: architecture.ropeLayout,
    });
  const positions = parts.flatMap(({ firstPosition, rows }) =>
    Array.from({ length: rows }, (_, row) => firstPosition + row),
  );

  const normed = rmsNorm(states, weights.attentionNorm, rmsNormEpsilon);
  const queries = turn(matmul(normed, weights.query, hiddenSize), queryHeadCount);
  const keys = turn(matmul(normed, weights.key, hiddenSize), keyValueHeadCount);
  const values = matmul(normed, weights.value, hiddenSize);

  const attended = new Float32Array(queries.length);
  const querySize = queryHeadCount * headSize;
  const keyValueSize = keyValueHeadCount * headSize;
  let row = 0;
  for (const { firstPosition, rows, cache } of parts) {
    const end = row + rows;
    cache.keys.set(keys.subarray(row * keyValueSize, end * keyValueSize), firstPosition * keyValueSize);
    cache.values.set(values.subarray(row * keyValueSize, end * keyValueSize), firstPosition * keyValueSize);
    const partQueries = queries.subarray(row * querySize, end * querySize);
    const options = { queryHeadCount, keyValueHeadCount, headSize, firstPosition };
    attended.set(attention(partQueries, cache.keys, cache.values, options), row * querySize);
    row = end;
  }

  const middle = add(states, matmul(attended, weights.attentionOutput, querySize));
  const normedMiddle = rmsNorm(middle, weights.feedForwardNorm, rmsNormEpsilon);
  const gate = matmul(normedMiddle, weights.gate, hiddenSize);
  const up = matmul(normedMiddle, weights.up, hiddenSize);
  return add(middle, matmul(swiglu(gate, up), weights.down, feedForwardSize));
}
