import { OpenGatewayError } from '@opengateway/core';

/** The load was given up: the model was unloaded, or another one loaded, before it was ready. */
export class LoadAbortedError extends OpenGatewayError {
  static override readonly name = 'LoadAbortedError';
  constructor() {
    super('load_aborted', 'The model was unloaded before it was ready.');
  }
}

/** The engine computed something that cannot be right on this device. */
export class SelfTestFailedError extends OpenGatewayError {
  static override readonly name = 'SelfTestFailedError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('self_test_failed', message, options);
  }
}
