import type { ChatMessage, ModelManifest, TokenPieces, WireError } from '@opengateway/core';

/** What the page asks of the tokenizer's worker. */
export type TextRequest =
  | { readonly type: 'open'; readonly manifest: ModelManifest; readonly baseUrl: string }
  | { readonly type: 'encode-chat'; readonly id: number; readonly messages: readonly ChatMessage[] }
  | { readonly type: 'encode-text'; readonly id: number; readonly text: string };

/** What the worker answers. */
export type TextReply =
  | { readonly type: 'opened'; readonly pieces: TokenPieces; readonly contextLength: number }
  | { readonly type: 'open-failed'; readonly error: WireError }
  | { readonly type: 'encoded'; readonly id: number; readonly tokens: number[] }
  | { readonly type: 'encode-failed'; readonly id: number; readonly error: WireError };
