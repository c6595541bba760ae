import { createChatTemplate } from './chat-template.ts';
import { COUNTED_CONTEXTS, MAX_MESSAGES } from './constants.ts';
import { InvalidMessagesError, PromptTooLongError, UnsupportedChatTemplateError } from './errors.ts';
import { guardCharacter } from './guard-character.ts';
import { checkPromptChars, messageChars } from './text-codec.ts';
import { tokenPiece } from './token-pieces.ts';
import { createTokenizer } from './tokenizer.ts';
import type { ChatMessage } from '../completion/types.ts';
import type { GgufValue } from '../models/gguf/index.ts';
import type { ModelManifest } from '../models/manifest.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { PromptBounds, TextCodec } from './text-codec.ts';
import type { TokenPieces } from './token-pieces.ts';

/** The work behind a `TextCodec`, done at once on the calling thread. */
export interface PromptEncoder extends PromptBounds {
  readonly pieces: TokenPieces;
  encodeChat(messages: readonly ChatMessage[]): number[];
  encodeText(text: string): number[];
}

/**
 * Joins tokenizer and chat template of a model. Blocks: meant for a worker.
 *
 * `metadata` is that of the GGUF header `manifest.tokenizer.source` names.
 *
 * @throws UnsupportedTokenizerError; a chat template that cannot be used fails `encodeChat` alone.
 */
export function createPromptEncoder(manifest: ModelManifest, metadata: ReadonlyMap<string, GgufValue>): PromptEncoder {
  const tokenizer = createTokenizer(metadata);
  const { beginToken, addBeginToken } = manifest.tokenizer;
  const { contextLength } = manifest.architecture;
  const bounds: PromptBounds = { contextLength, longestTokenChars: tokenizer.longestTokenChars };
  const source = manifest.chatTemplate;
  let template: ChatTemplate | undefined;

  const textOf = (token: unknown) => (typeof token === 'number' ? tokenizer.tokenText(token) : undefined) ?? '';
  const chatTemplate = (): ChatTemplate => {
    if (source === null) throw new UnsupportedChatTemplateError('it has none');
    const endText = textOf(metadata.get('tokenizer.ggml.eos_token_id'));
    return (template ??= createChatTemplate({ source, beginText: textOf(beginToken), endText }));
  };
  const encode = (text: string, guard?: string): number[] => {
    checkPromptChars(text.length, bounds);
    const limit = contextLength * COUNTED_CONTEXTS;
    const tokens = tokenizer.encode(text, { guard, limit });
    if (tokens.length >= limit) throw new PromptTooLongError({ atLeast: limit }, contextLength);
    // Templates often write the begin token themselves.
    if (addBeginToken && beginToken !== null && tokens[0] !== beginToken) tokens.unshift(beginToken);
    if (tokens.length >= contextLength) throw new PromptTooLongError(tokens.length, contextLength);
    return tokens;
  };

  return {
    ...bounds,
    pieces: tokenizer.pieces,
    encodeText: (text) => encode(text),
    encodeChat(messages) {
      if (messages.length > MAX_MESSAGES) throw new InvalidMessagesError(`there are more than ${MAX_MESSAGES}`);
      checkPromptChars(messageChars(messages), bounds);
      const guard = guardCharacter([source ?? '', ...messages.map(({ content }) => content)]);
      const guarded = messages.map(({ role, content }) => ({ role, content: tokenizer.guardText(content, guard) }));
      return encode(chatTemplate().render(guarded), guard);
    },
  };
}

/** A codec that encodes on the calling thread: for tests and short-lived tools. */
export function createLocalTextCodec(manifest: ModelManifest, encoder: PromptEncoder): TextCodec {
  return {
    vocabularySize: manifest.architecture.vocabularySize,
    contextLength: encoder.contextLength,
    endTokens: manifest.tokenizer.endTokens,
    encodeChat: async (messages) => encoder.encodeChat(messages),
    encodeText: async (text) => encoder.encodeText(text),
    tokenBytes: (token) => tokenPiece(encoder.pieces, token),
  };
}
