/**
 * What a forward tells its kernels, one buffer of u32 written once: tokens, rows of logits, two spare; then
 * per token a record of token id, position, start of its sequence's page table, the token of the
 * record-th row of logits, and the cosines and sines of its position (pairs of float32).
 */
export const HEADER_WORDS = 4;
export const TOKEN_COUNT = 0;
export const LOGIT_ROWS = 1;
export const RECORD = { tokenId: 0, position: 1, pageTable: 2, logitToken: 3, rotations: 4 } as const;

/** Words of one token's record. */
export const recordWords = (ropeDimensionCount: number): number => RECORD.rotations + ropeDimensionCount;

/** WGSL of a field of token `token`'s record. */
export const recordField = (words: number, token: string, field: keyof typeof RECORD): string =>
  `step[${HEADER_WORDS}u + (${token}) * ${words}u + ${RECORD[field]}u]`;

/** Which rows a kernel computes: those of all tokens, or of those whose logits are wanted. */
export type RowSource = 'tokens' | 'logits';

/** WGSL of how many rows there are. */
export const rowCount = (source: RowSource): string => `step[${source === 'tokens' ? TOKEN_COUNT : LOGIT_ROWS}u]`;

/** WGSL of the token that row `row` is of. */
export const tokenOfRow = (source: RowSource, words: number, row: string): string =>
  source === 'tokens' ? row : recordField(words, row, 'logitToken');
