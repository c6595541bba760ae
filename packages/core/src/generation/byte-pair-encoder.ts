import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { MAX_PRE_TOKEN_BYTES } from './constants.ts';
import { UnsupportedTokenizerError } from './errors.ts';
import type { PreTokenizerRules } from './pre-tokenizers.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Plain text to tokens; knows no control tokens. */
export interface BytePairEncoder {
  /** The pieces that are merged on their own, in byte-level characters. */
  preTokenize(text: string): string[];
  /** Stops once there are `limit` tokens. */
  encode(text: string, limit?: number): number[];
}

/** Pre-tokenizing and byte-pair merging by the library, from a tokenizer.json made of the vocabulary. */
export function createBytePairEncoder(
  { tokens, merges, control }: Vocabulary,
  { patterns, ignoreMerges, composes }: PreTokenizerRules,
): BytePairEncoder {
  // Without its control tokens, so that no text can become one by merging.
  const entries = tokens.map((text, token) => [text, token] as const).filter(([, token]) => !control.has(token));
  const ids = new Map(entries);
  const { pre_tokenizer: preTokenizer, model } = new LibraryTokenizer(
    {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          ...patterns.map((pattern) => ({
            type: 'Split',
            pattern: { Regex: pattern },
            behavior: 'Isolated',
            invert: false,
          })),
          { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
        ],
      },
      post_processor: null,
      decoder: null,
      model: { type: 'BPE', vocab: Object.fromEntries(entries), merges, ignore_merges: ignoreMerges },
    },
    {},
  );
  if (preTokenizer === null || model === null) throw new UnsupportedTokenizerError('the library built no model');
  const preTokenize = (text: string) => preTokenizer.pre_tokenize(composes ? text.normalize('NFC') : text);

  return {
    preTokenize,
    encode(text, limit = Infinity) {
      const encoded: number[] = [];
      for (const piece of preTokenize(text)) {
        for (let start = 0; start < piece.length; start += MAX_PRE_TOKEN_BYTES) {
          if (encoded.length >= limit) return encoded.slice(0, limit);
          for (const merged of model.encode([piece.slice(start, start + MAX_PRE_TOKEN_BYTES)])) {
            const token = ids.get(merged);
            // A byte that the vocabulary lacks is left out, as llama.cpp does.
            if (token !== undefined) encoded.push(token);
          }
        }
      }
      return encoded.length > limit ? encoded.slice(0, limit) : encoded;
    },
  };
}
