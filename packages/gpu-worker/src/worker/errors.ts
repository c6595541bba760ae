import { OpenGatewayError } from '@opengateway/core';

/** The load was given up: the model was unloaded, or another one loaded, before it was ready. */
export class LoadAbortedError extends OpenGatewayError {
  static override readonly name = 'LoadAbortedError';
  constructor() {
    super('load_aborted', 'The model was unloaded before it was ready.');
  }
}

/** What lies free of the room lent to weights is too small for one more model. */
export class StorageTooSmallError extends OpenGatewayError {
  static override readonly name = 'StorageTooSmallError';
  constructor(neededBytes: number, roomBytes: number) {
    const [needed, room, lacking] = [neededBytes, roomBytes, neededBytes - roomBytes].map(megabytes);
    super(
      'storage_too_small',
      `${needed} are still to be kept and ${room} are free for them: ${lacking} more are needed. Lend more storage or hold fewer models.`,
    );
  }
}

/** This device keeps no weights. */
export class NothingKeptError extends OpenGatewayError {
  static override readonly name = 'NothingKeptError';
  constructor() {
    super('storage_too_small', 'Nothing can be kept on this device.');
  }
}

const megabytes = (bytes: number): string => `${Math.ceil(Math.max(0, bytes) / 1e6)} MB`;

/** The engine computed something that cannot be right on this device. */
export class SelfTestFailedError extends OpenGatewayError {
  static override readonly name = 'SelfTestFailedError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('self_test_failed', message, options);
  }
}
