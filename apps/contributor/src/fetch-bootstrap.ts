import { bootstrapSchema } from '@opengateway/core';
import {
  BOOTSTRAP_ATTEMPT_TIMEOUT_MS,
  BOOTSTRAP_DEADLINE_MS,
  FIRST_BOOTSTRAP_RETRY_MS,
  LONGEST_BOOTSTRAP_RETRY_MS,
  MAX_BOOTSTRAP_BYTES,
} from './constants.ts';
import { BootstrapUnavailableError } from './errors.ts';
import type { BootstrapDocument, Clock } from '@opengateway/core';

export interface FetchBootstrapComponents {
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
}

/** One attempt. @throws BootstrapUnavailableError, or the signal's reason. */
export async function fetchBootstrap(
  { fetch }: Pick<FetchBootstrapComponents, 'fetch'>,
  relay: string,
  signal: AbortSignal,
): Promise<BootstrapDocument> {
  const url = new URL('bootstrap', relay).href;
  let text: string;
  try {
    const attempt = AbortSignal.any([signal, AbortSignal.timeout(BOOTSTRAP_ATTEMPT_TIMEOUT_MS)]);
    const response = await fetch(url, { signal: attempt });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    text = await readText(response);
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new BootstrapUnavailableError(url, reasonOf(cause), { cause, retryable: true });
  }
  try {
    return bootstrapSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BootstrapUnavailableError(url, 'what it sent is not one of this version', { cause, retryable: false });
  }
}

/**
 * Asks until the relay answers, for at most `BOOTSTRAP_DEADLINE_MS`: both may have been started together.
 *
 * @throws BootstrapUnavailableError, or the signal's reason.
 */
export async function awaitBootstrap(
  components: FetchBootstrapComponents,
  relay: string,
  { signal, onRetry }: { signal: AbortSignal; onRetry: (error: unknown, waitMs: number) => void },
): Promise<BootstrapDocument> {
  const { clock } = components;
  const deadlineMs = clock.now() + BOOTSTRAP_DEADLINE_MS;
  let waitMs = FIRST_BOOTSTRAP_RETRY_MS;
  for (;;) {
    try {
      return await fetchBootstrap(components, relay, signal);
    } catch (error) {
      const retryable = (error as { retryable?: boolean }).retryable === true;
      if (signal.aborted || !retryable || clock.now() + waitMs > deadlineMs) throw error;
      onRetry(error, waitMs);
    }
    await clock.sleep(waitMs, signal);
    waitMs = Math.min(LONGEST_BOOTSTRAP_RETRY_MS, waitMs * 2);
  }
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > MAX_BOOTSTRAP_BYTES) throw new Error(`longer than ${MAX_BOOTSTRAP_BYTES} bytes`);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/** `fetch failed` says nothing; its cause says why. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as { cause?: { code?: string }; message?: string };
  return cause?.code ?? message ?? 'no answer';
}
