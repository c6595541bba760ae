import { OpenGatewayError } from '@opengateway/core';

/** Too many prompts wait to be tokenized. */
export class TextBusyError extends OpenGatewayError {
  static override readonly name = 'TextBusyError';
  constructor() {
    super('text_busy', 'Too many prompts wait to be tokenized.', { retryable: true });
  }
}

/** A prompt took so long that its worker was ended. */
export class TextTimeoutError extends OpenGatewayError {
  static override readonly name = 'TextTimeoutError';
  constructor(what: string, limitMs: number) {
    super('text_timeout', `${what} took more than ${limitMs / 1000} s.`);
  }
}

/** The text worker was lost in the middle of the work, or ended on purpose. */
export class TextWorkerLostError extends OpenGatewayError {
  static override readonly name = 'TextWorkerLostError';
  constructor(reason: string, options: ErrorOptions = {}) {
    super('text_worker_lost', `The text worker is gone: ${reason}`, { ...options, retryable: true });
  }
}
