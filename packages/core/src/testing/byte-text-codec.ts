import type { ChatMessage } from '../completion/types.ts';
import type { TextCodec } from '../generation/text-codec.ts';

/** A codec whose tokens are the bytes of UTF-8; token 256 ends an answer. */
export class ByteTextCodec implements TextCodec {
  readonly vocabularySize = 257;
  readonly endTokens = [256];
  readonly contextLength: number;
  readonly encoded: (readonly ChatMessage[] | string)[] = [];

  constructor(contextLength = 4_096) {
    this.contextLength = contextLength;
  }

  async encodeChat(messages: readonly ChatMessage[], options: { signal?: AbortSignal } = {}): Promise<number[]> {
    options.signal?.throwIfAborted();
    this.encoded.push(messages);
    return [...new TextEncoder().encode(messages.map(({ role, content }) => `${role}: ${content}\n`).join(''))];
  }

  async encodeText(text: string, options: { signal?: AbortSignal } = {}): Promise<number[]> {
    options.signal?.throwIfAborted();
    this.encoded.push(text);
    return [...new TextEncoder().encode(text)];
  }

  tokenBytes(token: number): Uint8Array {
    return token < 256 ? Uint8Array.of(token) : new Uint8Array();
  }
}
