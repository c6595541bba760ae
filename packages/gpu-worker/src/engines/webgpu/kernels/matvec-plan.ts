import type { TensorType } from '@opengateway/core';
import { STAGE_BYTES } from '../constants.ts';
import { segmentsOf, type Segments } from '../segments.ts';
import type { Arithmetic } from './arithmetic.ts';
import { NORM_THREADS } from './norm-code.ts';
import type { ProductShape } from './product-shape.ts';
import type { RowSource } from './step-layout.ts';

export interface MatvecParameters {
  /** Types of the matrices: one, or gate and up, whose products become `silu(gate) · up`. */
  readonly types: readonly [TensorType] | readonly [TensorType, TensorType];
  readonly columns: number;
  /** Tokens over one read of the weights. */
  readonly tokens: number;
  readonly rowsPerThread: number;
  readonly arithmetic: Arithmetic;
  /** Adds up four segments by subgroup operations; the same bits. */
  readonly subgroups: boolean;
  /** Loops where it would be unrolled: slower on a GPU, and compiled much sooner. The same bits. */
  readonly compact: boolean;
  /** Epsilon of an RMSNorm applied to the activations first; null for none. */
  readonly norm: number | null;
  readonly source: RowSource;
  readonly recordWords: number;
  /** `add` to what the output holds, the residual connection. */
  readonly output: 'store' | 'add';
}

/** How a `matvec` kernel shares its work out. */
export interface MatvecPlan extends MatvecParameters {
  readonly cut: Segments;
  /** Threads per row of the matrix, rows side by side, and threads in all. */
  readonly lanes: number;
  readonly rowLanes: number;
  readonly threads: number;
  /** Rows per workgroup. */
  readonly groupRows: number;
  /** Blocks per segment whose activations are staged at once. */
  readonly staged: number;
  /** What a thread sums: rows x matrices x tokens, by the names of their variables. */
  readonly sums: readonly string[];
}

export function planMatvec(parameters: MatvecParameters): MatvecPlan {
  const { columns, rowsPerThread, tokens, types } = parameters;
  const cut = segmentsOf(columns);
  // Four segments are one quad of threads, so their number is rounded up to it.
  const lanes = Math.ceil(cut.segments / 4) * 4;
  const rowLanes = Math.max(Math.ceil(NORM_THREADS / lanes), Math.floor(128 / lanes));
  const sums: string[] = [];
  for (let row = 0; row < rowsPerThread; row++) {
    for (let matrix = 0; matrix < types.length; matrix++) {
      for (let token = 0; token < tokens; token++) sums.push(sumName(row, matrix, token));
    }
  }
  return {
    ...parameters,
    cut,
    lanes,
    rowLanes,
    threads: lanes * rowLanes,
    groupRows: rowLanes * rowsPerThread,
    staged: Math.min(cut.blocks, Math.max(1, Math.floor(STAGE_BYTES / (tokens * lanes * 128)))),
    sums,
  };
}

/** Names in the kernel's source: of a sum, of a matrix's buffers, and of a row's block of a matrix. */
export const sumName = (row: number, matrix: number, token: number): string => `a${row}_${matrix}_${token}`;
export const matrixName = (matrix: number): string => `w${matrix}`;
export const blockName = (row: number, matrix: number): string => `r${row}w${matrix}`;

/** Workgroups of a `matvec` dispatch for `count` rows of activations. */
export function matvecGroups(
  parameters: MatvecParameters,
  { rows }: Pick<ProductShape, 'rows'>,
  count: number,
): readonly [number, number] {
  return [Math.ceil(rows / planMatvec(parameters).groupRows), Math.ceil(count / parameters.tokens)];
}
