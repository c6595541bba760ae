import { decodeByteLevel } from './byte-level.ts';
import { MAX_MERGES, MAX_VOCABULARY_TOKENS } from './constants.ts';
import { UnsupportedTokenizerError } from './errors.ts';
import type { GgufValue } from '../models/gguf/index.ts';

/** Token types of GGUF, `llama_token_type` of llama.cpp. */
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;

/** What a GGUF says of its tokenizer, checked. */
export interface Vocabulary {
  readonly preTokenizer: string;
  /** Byte-level text of every token, by id. */
  readonly tokens: readonly string[];
  /** Pairs of byte-level texts separated by one space, best first. */
  readonly merges: readonly string[];
  /** Tokens that steer the model (turns, ends): parsed in templates, never in what users write. */
  readonly control: ReadonlySet<number>;
  /** Tokens found before anything else in any text, and written out as they are. */
  readonly userDefined: ReadonlySet<number>;
}

/**
 * Reads `tokenizer.ggml.*`.
 *
 * @throws UnsupportedTokenizerError naming the key that is missing, malformed or not supported.
 */
export function vocabularyFromGguf(metadata: ReadonlyMap<string, GgufValue>): Vocabulary {
  const model = metadata.get('tokenizer.ggml.model');
  if (model !== 'gpt2') throw new UnsupportedTokenizerError(`its kind is ${JSON.stringify(model ?? null)}, not "gpt2"`);
  const tokens = strings(metadata, 'tokenizer.ggml.tokens', MAX_VOCABULARY_TOKENS);
  const types = metadata.get('tokenizer.ggml.token_type') ?? [];
  if (!Array.isArray(types)) throw new UnsupportedTokenizerError('tokenizer.ggml.token_type is not a list');
  const preTokenizer = metadata.get('tokenizer.ggml.pre');
  if (typeof preTokenizer !== 'string') throw new UnsupportedTokenizerError('it names no pre-tokenizer');
  const ofType = (...wanted: number[]) =>
    new Set(tokens.flatMap((_, token) => (wanted.includes(types[token]) ? [token] : [])));
  return {
    preTokenizer,
    tokens,
    merges: strings(metadata, 'tokenizer.ggml.merges', MAX_MERGES),
    control: ofType(UNKNOWN, CONTROL),
    userDefined: ofType(USER_DEFINED),
  };
}

/** Bytes of each token as they appear in an answer: nothing for control tokens. */
export function tokenPiecesOf({ tokens, control, userDefined }: Vocabulary): Uint8Array[] {
  const encoder = new TextEncoder();
  return tokens.map((text, token) => {
    if (control.has(token)) return new Uint8Array();
    if (userDefined.has(token)) return encoder.encode(text);
    return decodeByteLevel(text) ?? encoder.encode(text);
  });
}

function strings(metadata: ReadonlyMap<string, GgufValue>, key: string, maximum: number): readonly string[] {
  const value = metadata.get(key);
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw new UnsupportedTokenizerError(`${key} is not a list of strings`);
  }
  if (value.length > maximum) throw new UnsupportedTokenizerError(`${key} has more than ${maximum} entries`);
  return value;
}
