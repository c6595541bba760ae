import { BLOCK_COLUMNS, MAX_SEGMENTS } from './constants.ts';

/**
 * How the columns of a row are cut for its sum, the same in every kernel: contiguous segments of whole
 * blocks. A segment is summed in ascending order, four segments are added up left to right, and so are
 * the fours. What a token's sum is therefore does not depend on how many tokens are computed at once.
 */
export interface Segments {
  readonly columns: number;
  readonly segments: number;
  /** Blocks of `BLOCK_COLUMNS` per segment. */
  readonly blocks: number;
  /** Columns of all segments together: what rows of activations and weights are padded to. */
  readonly paddedColumns: number;
}

/** The cut of rows of `columns`: at most `MAX_SEGMENTS` segments, as even as whole blocks allow. */
export function segmentsOf(columns: number): Segments {
  const all = Math.ceil(columns / BLOCK_COLUMNS);
  const blocks = Math.ceil(all / MAX_SEGMENTS);
  const segments = Math.ceil(all / blocks);
  return { columns, segments, blocks, paddedColumns: segments * blocks * BLOCK_COLUMNS };
}
