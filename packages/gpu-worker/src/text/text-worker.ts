import { createHeaderSource, createPromptEncoder, readGguf } from '@opengateway/core';
import { transfer } from 'comlink';
import { TextWorkerLostError } from './errors.ts';
import type { ChunkSource, PromptEncoder } from '@opengateway/core';
import type { FilesLocation } from '../api.ts';
import type { TextWorkerApi } from './api.ts';

export interface TextWorkerComponents {
  /** Opens the place where a model's bytes lie. */
  readonly openSource: (location: FilesLocation) => ChunkSource;
}

/** The worker's side: one model, one prompt at a time. */
export function createTextWorker({ openSource }: TextWorkerComponents): TextWorkerApi {
  let encoder: PromptEncoder | undefined;
  const loaded = (): PromptEncoder => {
    if (encoder === undefined) throw new TextWorkerLostError('it has no model.');
    return encoder;
  };
  return {
    async load({ manifest, weights }) {
      const source = openSource(weights);
      try {
        const { metadata } = await readGguf(createHeaderSource({ manifest, source }));
        encoder = createPromptEncoder(manifest, metadata);
      } finally {
        await source.close?.();
      }
      const { pieces, longestTokenChars } = encoder;
      // Encoding has no use for the pieces, so they may leave for good.
      return transfer({ pieces, longestTokenChars }, [pieces.bytes.buffer, pieces.offsets.buffer]);
    },
    encodeChat: async (messages) => loaded().encodeChat(messages),
    encodeText: async (text) => loaded().encodeText(text),
  };
}
