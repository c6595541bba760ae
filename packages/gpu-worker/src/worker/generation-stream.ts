import { fromWire } from '@opengateway/core';
import { transfer } from 'comlink';
import { CREDIT_GRANT_TOKENS } from './constants.ts';
import type { GenerateEvent } from '@opengateway/core';
import type { GenerationControl, GenerationMessage } from '../api.ts';

interface GenerationSource {
  readonly signal: AbortSignal;
  /** Hands `port` to the worker; calls `fail` if that, or the worker, fails. Returns what forgets `fail`. */
  start(port: MessagePort, fail: (error: unknown) => void): () => void;
}

/** The events of one generation, pulled: a token taken is credit for another, and leaving cancels. */
export async function* streamGeneration({
  signal,
  start,
}: GenerationSource): AsyncGenerator<GenerateEvent, void, void> {
  signal.throwIfAborted();
  const { port1: port, port2 } = new MessageChannel();
  const inbox: GenerationMessage[] = [];
  let failure: { readonly error: unknown } | null = null;
  let over = false;
  let wake: (() => void) | undefined;
  const post = (message: GenerationControl) => port.postMessage(message);
  const receive = ({ data }: MessageEvent<GenerationMessage>) => {
    // Only the latest progress counts; so the inbox holds no more than the credit allows.
    if (data.type === 'progress' && inbox.at(-1)?.type === 'progress') inbox.pop();
    inbox.push(data);
    if (data.type === 'end' || data.type === 'error') {
      over = true;
      port.close();
    }
    wake?.();
  };
  const cancel = () => {
    if (!over) post({ type: 'cancel' });
    over = true;
    port.removeEventListener('message', receive);
  };
  const fail = (error: unknown) => {
    failure ??= { error };
    wake?.();
  };
  const abort = () => {
    cancel();
    fail(signal.reason);
  };
  port.addEventListener('message', receive);
  port.start();
  signal.addEventListener('abort', abort, { once: true });
  let forget: (() => void) | undefined;
  let taken = 0;
  try {
    forget = start(transfer(port2, [port2]), fail);
    for (;;) {
      if (failure !== null) throw (failure as { error: unknown }).error;
      const message = inbox.shift();
      if (message === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if (message.type === 'error') throw fromWire(message.error);
      if (message.type === 'token' && !over && ++taken % CREDIT_GRANT_TOKENS === 0) {
        post({ type: 'credit', tokens: CREDIT_GRANT_TOKENS });
      }
      yield message;
      if (message.type === 'end') return;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    forget?.();
    cancel();
  }
}
