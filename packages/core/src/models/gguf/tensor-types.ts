import type { TensorType } from '../manifest.ts';

/** How ggml stores elements of a type: `blockElements` of them share `blockBytes`. */
export interface TensorTypeLayout {
  readonly blockElements: number;
  readonly blockBytes: number;
}

/** Layouts of the supported types, from ggml-common.h: scales are f16, quants follow them. */
export const TENSOR_TYPE_LAYOUTS: { readonly [type in TensorType]: TensorTypeLayout } = {
  F32: { blockElements: 1, blockBytes: 4 },
  F16: { blockElements: 1, blockBytes: 2 },
  Q8_0: { blockElements: 32, blockBytes: 34 },
  Q4_0: { blockElements: 32, blockBytes: 18 },
  Q4_1: { blockElements: 32, blockBytes: 20 },
};

/** Names of ggml's type ids as files use them (`ggml_type` in ggml.h), supported or not. */
const GGML_TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [6, 'Q5_0'],
  [7, 'Q5_1'],
  [8, 'Q8_0'],
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [12, 'Q4_K'],
  [13, 'Q5_K'],
  [14, 'Q6_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [30, 'BF16'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
]);

/** The name of a ggml type id; `type 99` where it has none. */
export const ggmlTypeName = (id: number): string => GGML_TYPE_NAMES.get(id) ?? `type ${id}`;

export const isSupportedTensorType = (name: string): name is TensorType => Object.hasOwn(TENSOR_TYPE_LAYOUTS, name);

/** Bytes of one row (the innermost dimension); `undefined` where the blocks do not divide it. */
export function rowBytes(type: TensorType, columns: number): number | undefined {
  const { blockElements, blockBytes } = TENSOR_TYPE_LAYOUTS[type];
  return columns % blockElements === 0 ? (columns / blockElements) * blockBytes : undefined;
}

/**
 * Bytes of a tensor of `shape` (innermost first); `undefined` where the blocks do not divide its rows,
 * a dimension is not positive, or the size is no safe integer.
 */
export function tensorBytes(type: TensorType, shape: readonly number[]): number | undefined {
  let total = rowBytes(type, shape[0] ?? 0);
  for (const dimension of shape) if (!Number.isSafeInteger(dimension) || dimension < 1) return undefined;
  for (const dimension of shape.slice(1)) if (total !== undefined) total *= dimension;
  return total !== undefined && total > 0 && Number.isSafeInteger(total) ? total : undefined;
}
