import {
  CHUNK_BYTES,
  SourceUnavailableError,
  chunkLength,
  createHeaderSource,
  createPromptEncoder,
  readGguf,
  toWire,
} from '@opengateway/core';
import type { ChunkSource, PromptEncoder } from '@opengateway/core';
import type { TextReply, TextRequest } from './text-protocol.ts';

/** Tokenizer and chat template beside the page: building a vocabulary takes longer than a frame. */
let encoder: PromptEncoder | undefined;

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no target origin
const reply = (message: TextReply) => globalThis.postMessage(message);

globalThis.addEventListener('message', (event: MessageEvent<TextRequest>) => {
  const request = event.data;
  if (request.type === 'open') {
    void open(request);
    return;
  }
  const { id } = request;
  try {
    if (encoder === undefined) throw new Error('The tokenizer is asked before it is open.');
    const tokens =
      request.type === 'encode-chat' ? encoder.encodeChat(request.messages) : encoder.encodeText(request.text);
    reply({ type: 'encoded', id, tokens });
  } catch (error) {
    reply({ type: 'encode-failed', id, error: toWire(error) });
  }
});

async function open({ manifest, baseUrl }: Extract<TextRequest, { type: 'open' }>): Promise<void> {
  try {
    const { metadata } = await readGguf(createHeaderSource({ manifest, source: rangeSource(baseUrl) }));
    encoder = createPromptEncoder(manifest, metadata);
    reply({ type: 'opened', pieces: encoder.pieces, contextLength: encoder.contextLength });
  } catch (error) {
    reply({ type: 'open-failed', error: toWire(error) });
  }
}

/** Chunks by range requests; the header source checks their hashes. */
function rangeSource(baseUrl: string): ChunkSource {
  return {
    async readChunk(file, index) {
      const start = index * CHUNK_BYTES;
      const length = chunkLength(file, index);
      const response = await fetch(new URL(file.name, baseUrl), {
        headers: { range: `bytes=${start}-${start + length - 1}` },
      });
      // A server without ranges would send the whole file.
      if (response.status !== 206) {
        await response.body?.cancel();
        throw new SourceUnavailableError(`${file.name} answered with status ${response.status}.`);
      }
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}
