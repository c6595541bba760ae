import { OpenGatewayError } from '@opengateway/core';

/** What is known of a lack of room, in bytes. */
export interface LackOfRoom {
  /** Needed in all, of it here already, and what could be kept in all. */
  readonly neededBytes: number;
  readonly roomBytes: number;
  /** What bounds the room. */
  readonly bound: 'free' | 'lent';
  /** What would fit instead, as a sentence. */
  readonly instead?: string | undefined;
  /** Whether it runs only from where it is kept. @default false */
  readonly isNeededToRun?: boolean;
}

/** The browser's quota, the disk or the pledge leaves no room; the model runs, but is fetched again next time. */
export class StorageFullError extends OpenGatewayError {
  static override readonly name = 'StorageFullError';
  /** Known where it was asked before anything was written. */
  readonly lack: LackOfRoom | undefined;

  constructor(options: ErrorOptions & { lack?: LackOfRoom } = {}) {
    super('storage_full', describeLack(options.lack), options);
    this.lack = options.lack;
  }
}

/** Another tab holds the stored weights and this browser lets only one do so. */
export class StoreBusyError extends OpenGatewayError {
  static override readonly name = 'StoreBusyError';
  constructor(options?: ErrorOptions) {
    super('store_busy', 'Another tab is using the weights kept on this device.', { ...options, retryable: true });
  }
}

/** What was kept was removed while it was in use, by the browser or by a person. */
export class StoreLostError extends OpenGatewayError {
  static override readonly name = 'StoreLostError';
  constructor(options?: ErrorOptions) {
    super('store_lost', 'The weights kept on this device were removed while they were in use.', {
      ...options,
      retryable: true,
    });
  }
}

/** Chunks that were kept are gone or altered; they are fetched anew. */
export class StoredChunksLostError extends OpenGatewayError {
  static override readonly name = 'StoredChunksLostError';
  constructor(bytes: number) {
    super('stored_chunks_lost', `${upTo(bytes)} of what was kept here are gone or damaged and are fetched again.`);
  }
}

const FULL: ReadonlySet<unknown> = new Set(['QuotaExceededError', 'ENOSPC', 'EDQUOT', 'EFBIG']);
const BUSY: ReadonlySet<unknown> = new Set(['NoModificationAllowedError', 'EBUSY']);
const LOST: ReadonlySet<unknown> = new Set(['NotFoundError', 'ENOENT']);

/** What a browser's or Node's storage error means; unexpected ones are passed on as they are. */
export function storageError(error: unknown): unknown {
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (FULL.has(name) || FULL.has(code)) return new StorageFullError({ cause: error });
  if (BUSY.has(name) || BUSY.has(code)) return new StoreBusyError({ cause: error });
  if (LOST.has(name) || LOST.has(code)) return new StoreLostError({ cause: error });
  return error;
}

function describeLack(lack: LackOfRoom | undefined): string {
  if (lack === undefined) {
    return 'The storage of this device is full: what is fetched from now on is not kept, and is fetched again next time.';
  }
  const { neededBytes, roomBytes, bound, instead, isNeededToRun = false } = lack;
  const room = bound === 'free' ? `${downTo(roomBytes)} are free here` : `${downTo(roomBytes)} are lent here`;
  const end = instead === undefined ? '' : ` ${instead}`;
  const so = isNeededToRun
    ? 'it cannot run here. Free some storage or choose a smaller model.'
    : 'it is not kept, and is fetched again next time.';
  return `Needs ${upTo(neededBytes)}, ${room}: ${so}${end}`;
}

/** What is needed is rounded up and what there is down: 98 MB never seem to fit in 98 MB. */
const upTo = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
const downTo = (bytes: number): string => `${Math.floor(bytes / 1e6)} MB`;
