import type { ChatMessage, ModelManifest, TokenPieces } from '@opengateway/core';
import type { FilesLocation } from '../api.ts';

/** Whose text, and where its vocabulary lies. */
export interface TextModel {
  readonly manifest: ModelManifest;
  readonly weights: FilesLocation;
}

export interface LoadedText {
  /** For decoding on the caller's side; transferred. */
  readonly pieces: TokenPieces;
  /** Most characters of a prompt that one token can stand for. */
  readonly longestTokenChars: number;
}

/** The one interface of the text worker, over Comlink; the same in a tab and in Node. */
export interface TextWorkerApi {
  /** Reads and verifies the chunks with the vocabulary and builds the tokenizer. */
  load(model: TextModel): Promise<LoadedText>;
  encodeChat(messages: readonly ChatMessage[]): Promise<number[]>;
  encodeText(text: string): Promise<number[]>;
}
