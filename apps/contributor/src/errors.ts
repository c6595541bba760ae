import { OpenGatewayError } from '@opengateway/core';

/** A command line that cannot be obeyed. */
export class UsageError extends OpenGatewayError {
  static override readonly name = 'UsageError';
  constructor(message: string) {
    super('usage', message);
  }
}

/** The relay did not give a bootstrap document. */
export class BootstrapUnavailableError extends OpenGatewayError {
  static override readonly name = 'BootstrapUnavailableError';
  constructor(url: string, reason: string, options: ErrorOptions & { retryable: boolean }) {
    super('bootstrap_unavailable', `${url} gave no bootstrap document: ${reason}.`, options);
  }
}

/** The relay's catalogue lacks the model that was asked for, or is empty. */
export class ModelNotOfferedError extends OpenGatewayError {
  static override readonly name = 'ModelNotOfferedError';
  constructor(wanted: string | undefined, offered: readonly string[]) {
    super(
      'model_not_found',
      wanted === undefined
        ? 'The relay offers no model.'
        : `The relay offers no model ${wanted}; it has: ${offered.join(', ') || 'none'}.`,
    );
  }
}
