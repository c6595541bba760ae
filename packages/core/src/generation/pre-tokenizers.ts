import { UnsupportedTokenizerError } from './errors.ts';

/** How text is cut before byte-pair merging, in the terms of a tokenizer.json. */
export interface PreTokenizerRules {
  /** Patterns applied one after the other, each to the pieces the one before left; matches stand alone. */
  readonly patterns: readonly string[];
  /** A piece that is itself in the vocabulary is not merged. */
  readonly ignoreMerges: boolean;
  /** Whether text is brought to Unicode's composed form first. */
  readonly composes: boolean;
}

const CONTRACTIONS = "'s|'t|'re|'ve|'m|'ll|'d";
const CONTRACTIONS_OF_ANY_CASE = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const GPT2 = `${CONTRACTIONS}| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+`;

/** The pattern family of GPT-4: words take one leading non-letter, newlines stick to punctuation. */
const gpt4 = (digits: string): string =>
  `${CONTRACTIONS_OF_ANY_CASE}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const LLAMA3: PreTokenizerRules = { patterns: [gpt4('\\p{N}{1,3}')], ignoreMerges: true, composes: false };

/**
 * Rules by `tokenizer.ggml.pre`. Source: the models' own tokenizer.json files, and `llama-vocab.cpp` of
 * llama.cpp, which names them.
 */
const RULES: ReadonlyMap<string, PreTokenizerRules> = new Map([
  ['gpt-2', { patterns: [GPT2], ignoreMerges: false, composes: false }],
  ['smollm', { patterns: ['\\p{N}', GPT2], ignoreMerges: false, composes: false }],
  ['llama-bpe', LLAMA3],
  ['llama3', LLAMA3],
  ['llama-v3', LLAMA3],
  ['qwen2', { patterns: [gpt4('\\p{N}')], ignoreMerges: false, composes: true }],
]);

/** @throws UnsupportedTokenizerError naming the pre-tokenizer. */
export function preTokenizerRules(name: string): PreTokenizerRules {
  const rules = RULES.get(name);
  if (rules === undefined) {
    throw new UnsupportedTokenizerError(
      `pre-tokenizer "${name.slice(0, 64)}" is not one of ${[...RULES.keys()].join(', ')}`,
    );
  }
  return rules;
}
