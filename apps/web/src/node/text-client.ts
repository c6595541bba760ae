import { OpenGatewayError, fromWire, tokenPiece } from '@opengateway/core';
import { MAX_PENDING_PROMPTS } from './constants.ts';
import type { ModelManifest, TextCodec, TokenPieces } from '@opengateway/core';
import type { TextReply, TextRequest } from './text-protocol.ts';

export interface ClosableTextCodec extends TextCodec {
  close(): void;
}

/** More prompts wait for the tokenizer than a person can mean. */
export class TextBusyError extends OpenGatewayError {
  static override readonly name = 'TextBusyError';
  constructor() {
    super('text_busy', 'The tokenizer has too much to do.', { retryable: true });
  }
}

type WorkerLike = Pick<Worker, 'postMessage' | 'addEventListener' | 'terminate'>;

const spawnTextWorker = (): WorkerLike =>
  new Worker(new URL('./text-worker.ts', import.meta.url), { type: 'module', name: 'opengateway-text' });

/**
 * Opens a model's text side in a worker of its own; weights files lie below `baseUrl`.
 *
 * @throws what reading the header or building the tokenizer throws.
 */
export async function openTextCodec(
  manifest: ModelManifest,
  baseUrl: string,
  spawn: () => WorkerLike = spawnTextWorker,
): Promise<ClosableTextCodec> {
  const worker = spawn();
  const pending = new Map<number, PromiseWithResolvers<number[]>>();
  const opened = Promise.withResolvers<{ pieces: TokenPieces; contextLength: number }>();
  let lastId = 0;

  worker.addEventListener('message', ({ data }: MessageEvent<TextReply>) => {
    if (data.type === 'opened') opened.resolve(data);
    else if (data.type === 'open-failed') opened.reject(fromWire(data.error));
    else {
      const waiting = pending.get(data.id);
      pending.delete(data.id);
      if (data.type === 'encoded') waiting?.resolve(data.tokens);
      else waiting?.reject(fromWire(data.error));
    }
  });
  worker.addEventListener('error', (event) => {
    const error = new OpenGatewayError('text_failed', `The tokenizer’s worker was lost: ${event.message}`);
    opened.reject(error);
    for (const waiting of pending.values()) waiting.reject(error);
    pending.clear();
  });

  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no target origin
  const ask = (request: TextRequest) => worker.postMessage(request);
  const encode = (request: (id: number) => TextRequest): Promise<number[]> => {
    if (pending.size >= MAX_PENDING_PROMPTS) return Promise.reject(new TextBusyError());
    const id = (lastId += 1);
    const waiting = Promise.withResolvers<number[]>();
    pending.set(id, waiting);
    ask(request(id));
    return waiting.promise;
  };

  ask({ type: 'open', manifest, baseUrl });
  try {
    const { pieces, contextLength } = await opened.promise;
    return {
      vocabularySize: manifest.architecture.vocabularySize,
      contextLength,
      endTokens: manifest.tokenizer.endTokens,
      encodeChat: (messages) => encode((id) => ({ type: 'encode-chat', id, messages })),
      encodeText: (text) => encode((id) => ({ type: 'encode-text', id, text })),
      tokenBytes: (token) => tokenPiece(pieces, token),
      close: () => worker.terminate(),
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}
