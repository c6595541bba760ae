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
import type { GetBytes } from './get-bytes.ts';

export interface FetchBootstrapComponents {
  readonly getBytes: GetBytes;
  readonly clock: Clock;
}

/** One attempt. @throws BootstrapUnavailableError, or the signal's reason. */
export async function fetchBootstrap(
  { getBytes }: Pick<FetchBootstrapComponents, 'getBytes'>,
  relay: string,
  signal: AbortSignal,
): Promise<BootstrapDocument> {
  const url = new URL('bootstrap', relay).href;
  let bytes: Uint8Array;
  try {
    const attempt = AbortSignal.any([signal, AbortSignal.timeout(BOOTSTRAP_ATTEMPT_TIMEOUT_MS)]);
    bytes = await getBytes(url, { signal: attempt, maxBytes: MAX_BOOTSTRAP_BYTES });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new BootstrapUnavailableError(url, reasonOf(cause), { cause, retryable: true });
  }
  try {
    return bootstrapSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
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

/** Node's code says more than its message; a timeout has neither to the point. */
function reasonOf(error: unknown): string {
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  return code ?? message ?? 'no answer';
}
