import { PromptTooLongError } from './errors.ts';
import type { ChatMessage } from '../completion/types.ts';

/** A model's text side: prompts to tokens, tokens to bytes. Encoding happens off the caller's thread. */
export interface TextCodec {
  readonly vocabularySize: number;
  /** Most tokens of prompt and answer together. */
  readonly contextLength: number;
  /** Tokens that end an answer. */
  readonly endTokens: readonly number[];
  /**
   * Tokens of the conversation as the model's own template writes it, up to where the assistant speaks.
   * Control tokens written out in a message are plain text.
   *
   * @throws `invalid_messages`, `unsupported_chat_template`, `context_length_exceeded`,
   * `text_busy` and `text_timeout` (retryable), or the signal's reason.
   */
  encodeChat(messages: readonly ChatMessage[], options?: { signal?: AbortSignal }): Promise<number[]>;
  /** Tokens of a text without a template; control tokens written out in it are parsed. Throws as above. */
  encodeText(text: string, options?: { signal?: AbortSignal }): Promise<number[]>;
  /** Bytes of a token, not always whole characters; empty for control tokens. */
  tokenBytes(token: number): Uint8Array;
}

/** What decides whether a prompt can fit at all. */
export interface PromptBounds {
  readonly contextLength: number;
  /** Most characters (UTF-16 units) one token can stand for. */
  readonly longestTokenChars: number;
}

/**
 * Refuses, before any work is done on it, a prompt of so many characters that no tokenization fits.
 *
 * @throws PromptTooLongError
 */
export function checkPromptChars(chars: number, { contextLength, longestTokenChars }: PromptBounds): void {
  const atLeast = Math.ceil(chars / longestTokenChars);
  if (atLeast > contextLength) throw new PromptTooLongError({ atLeast }, contextLength);
}

/** Characters the messages bring into a prompt. */
export const messageChars = (messages: readonly ChatMessage[]): number =>
  messages.reduce((chars, { content }) => chars + content.length, 0);
