/** The bytes every token of a vocabulary stands for, in two arrays that cross threads without a copy. */
export interface TokenPieces {
  /** All pieces, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `bytes[offsets[token] .. offsets[token + 1]]` is the piece of `token`; one entry more than tokens. */
  readonly offsets: Uint32Array<ArrayBuffer>;
}

export function packTokenPieces(pieces: readonly Uint8Array[]): TokenPieces {
  const offsets = new Uint32Array(pieces.length + 1);
  for (const [token, piece] of pieces.entries()) offsets[token + 1] = (offsets[token] as number) + piece.byteLength;
  const bytes = new Uint8Array(offsets[pieces.length] as number);
  for (const [token, piece] of pieces.entries()) bytes.set(piece, offsets[token]);
  return { bytes, offsets };
}

/** A view of the token's bytes; empty for special tokens and for ids outside the vocabulary. */
export function tokenPiece(pieces: TokenPieces, token: number): Uint8Array {
  const start = pieces.offsets[token];
  const end = pieces.offsets[token + 1];
  return start === undefined || end === undefined ? pieces.bytes.subarray(0, 0) : pieces.bytes.subarray(start, end);
}
