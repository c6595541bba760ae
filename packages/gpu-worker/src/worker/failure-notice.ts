import { toWire } from '@opengateway/core';
import { throwLater } from './throw-later.ts';
import type { WireError } from '@opengateway/core';

/**
 * Said by the worker on its own endpoint before it ends: an uncaught error reaches the other side without its
 * code, and often without its message.
 */
interface FailureNotice {
  readonly type: 'engine-failure';
  readonly error: WireError;
}

/** For a worker's `onEngineFailure`: says why over `post`, then ends the worker. */
export const endWithNotice =
  (post: (notice: FailureNotice) => void) =>
  (error: unknown): void => {
    post({ type: 'engine-failure', error: toWire(error) });
    throwLater(error);
  };

/** The failure a message tells of; null for every other message. */
export function readFailureNotice(data: unknown): WireError | null {
  const { type, error } = (data ?? {}) as Partial<FailureNotice>;
  return type === 'engine-failure' && error !== undefined ? error : null;
}
