import { OpenGatewayError } from '@opengateway/core';

/** The browser's quota or the disk leaves no room; the model runs, but is fetched again next time. */
export class StorageFullError extends OpenGatewayError {
  static override readonly name = 'StorageFullError';
  constructor(options?: ErrorOptions) {
    super('storage_full', 'There is no room left to keep this model on the device.', options);
  }
}

/** Another tab holds the stored weights and this browser lets only one do so. */
export class StoreBusyError extends OpenGatewayError {
  static override readonly name = 'StoreBusyError';
  constructor(options?: ErrorOptions) {
    super('store_busy', 'Another tab is using the weights kept on this device.', { ...options, retryable: true });
  }
}

const FULL: ReadonlySet<unknown> = new Set(['QuotaExceededError', 'ENOSPC', 'EDQUOT', 'EFBIG']);
const BUSY: ReadonlySet<unknown> = new Set(['NoModificationAllowedError', 'EBUSY']);

/** What a browser's or Node's storage error means; unexpected ones are passed on as they are. */
export function storageError(error: unknown): unknown {
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (FULL.has(name) || FULL.has(code)) return new StorageFullError({ cause: error });
  if (BUSY.has(name) || BUSY.has(code)) return new StoreBusyError({ cause: error });
  return error;
}
