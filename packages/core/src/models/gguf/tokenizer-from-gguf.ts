import { InvalidGgufError, UnsupportedArchitectureError } from '../errors.ts';
import { metadataFields } from './metadata-fields.ts';
import type { ModelManifest } from '../manifest.ts';
import type { MetadataFields } from './metadata-fields.ts';
import type { GgufFile } from './read-gguf.ts';

/** GGUF's token type of control tokens. */
const CONTROL_TOKEN = 3;

/**
 * Control tokens that end an answer whether or not a key of the file says so, as llama.cpp treats them
 * (llama-vocab.cpp, `special_eog_ids`).
 */
const END_TOKEN_TEXTS: ReadonlySet<string> = new Set([
  '<|endoftext|>',
  '<|end_of_text|>',
  '<|im_end|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|end|>',
  '<end_of_turn>',
  '<end_of_utterance>',
  '<EOT>',
]);

const END_TOKEN_KEYS = ['eos_token_id', 'eot_token_id', 'eom_token_id'].map((key) => `tokenizer.ggml.${key}`);

/** Byte-pair pre-tokenizers that begin with a token where the file does not say; as in llama.cpp. */
const PRE_TOKENIZERS_WITH_BEGIN_TOKEN: ReadonlySet<string> = new Set([
  'llama3',
  'llama-v3',
  'llama-bpe',
  'falcon3',
  'pixtral',
]);

/**
 * How text becomes tokens, from the `tokenizer.ggml.*` keys of the GGUF named `file`.
 *
 * @throws UnsupportedArchitectureError naming the kind; InvalidGgufError.
 */
export function tokenizerFromGguf(
  gguf: GgufFile,
  { file, vocabularySize }: { file: string; vocabularySize: number },
): ModelManifest['tokenizer'] {
  const fields = metadataFields(gguf.metadata);
  const kind = fields.text('tokenizer.ggml.model');
  if (kind !== 'gpt2') throw new UnsupportedArchitectureError(`The tokenizer ${kind} is not supported.`);
  const tokens = fields.texts('tokenizer.ggml.tokens');
  if (tokens.length > vocabularySize) {
    throw new InvalidGgufError(`The embedding has ${vocabularySize} rows for ${tokens.length} tokens.`);
  }
  const preTokenizer = fields.text('tokenizer.ggml.pre', 'default');
  const beginToken = fields.has('tokenizer.ggml.bos_token_id') ? fields.count('tokenizer.ggml.bos_token_id') : null;
  const addsByDefault = PRE_TOKENIZERS_WITH_BEGIN_TOKEN.has(preTokenizer);
  return {
    kind,
    preTokenizer,
    beginToken,
    addBeginToken: beginToken !== null && fields.flag('tokenizer.ggml.add_bos_token', addsByDefault),
    endTokens: endTokens(fields, tokens),
    source: { file, bytes: gguf.headerBytes },
  };
}

function endTokens(fields: MetadataFields, tokens: readonly string[]): number[] {
  const ends = new Set<number>();
  for (const key of END_TOKEN_KEYS) if (fields.has(key)) ends.add(fields.count(key));
  const types = fields.numbers('tokenizer.ggml.token_type', []);
  for (const [token, text] of tokens.entries()) {
    if (END_TOKEN_TEXTS.has(text) && types[token] === CONTROL_TOKEN) ends.add(token);
  }
  return [...ends].sort((left, right) => left - right);
}
