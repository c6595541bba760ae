import { createBytePairEncoder } from './byte-pair-encoder.ts';
import { preTokenizerRules } from './pre-tokenizers.ts';
import { SpecialTokenSplitter } from './special-token-splitter.ts';
import { packTokenPieces, tokenPiece } from './token-pieces.ts';
import { tokenPiecesOf, vocabularyFromGguf } from './vocabulary.ts';
import type { GgufValue } from '../models/gguf/index.ts';
import type { TokenPieces } from './token-pieces.ts';

/** Text to tokens and back, from a model's own vocabulary. */
export interface Tokenizer {
  readonly pieces: TokenPieces;
  /** Most characters (UTF-16 units) of a prompt that one token can stand for. */
  readonly longestTokenChars: number;
  /**
   * Tokens of `text`; nothing is added at its ends. Control tokens written out in it are parsed, except
   * right after the character `guard`, which is dropped: see `guardText`. Stops once there are `limit`.
   */
  encode(text: string, options?: { readonly guard?: string | undefined; readonly limit?: number }): number[];
  /**
   * Marks every control token in `text` with the character `guard`, which must not occur in it, so that
   * what a user writes cannot open or end a turn.
   */
  guardText(text: string, guard: string): string;
  /** Bytes of a token in an answer; empty for control tokens. */
  tokenBytes(token: number): Uint8Array;
  /** A token as templates write it, e.g. `<|im_end|>`. */
  tokenText(token: number): string | undefined;
}

/**
 * Builds the tokenizer a GGUF describes. Takes a tenth of a second and blocks: meant for a worker.
 *
 * @throws UnsupportedTokenizerError
 * @example
 * const { metadata } = await readGguf(source);
 * const tokens = createTokenizer(metadata).encode('Hello');
 */
export function createTokenizer(metadata: ReadonlyMap<string, GgufValue>): Tokenizer {
  const vocabulary = vocabularyFromGguf(metadata);
  const rules = preTokenizerRules(vocabulary.preTokenizer);
  const encoder = createBytePairEncoder(vocabulary, rules);
  const textOf = (token: number) => [vocabulary.tokens[token] as string, token] as const;
  const control = new SpecialTokenSplitter([...vocabulary.control].map(textOf));
  const special = new SpecialTokenSplitter([...vocabulary.control, ...vocabulary.userDefined].map(textOf));
  const pieces = packTokenPieces(tokenPiecesOf(vocabulary));

  return {
    pieces,
    longestTokenChars: vocabulary.tokens.reduce((longest, text) => Math.max(longest, text.length), 1),
    encode(text, { guard, limit = Infinity } = {}) {
      const tokens: number[] = [];
      for (const segment of special.split(text, guard)) {
        if (tokens.length >= limit) break;
        if ('token' in segment) tokens.push(segment.token);
        else for (const token of encoder.encode(segment.text, limit - tokens.length)) tokens.push(token);
      }
      return tokens;
    },
    guardText: (text, guard) => control.guard(text, guard),
    tokenBytes: (token) => tokenPiece(pieces, token),
    tokenText: (token) => vocabulary.tokens[token],
  };
}
