import { OpenGatewayError } from '../errors.ts';

/** No model of that name is known here. */
export class ModelNotFoundError extends OpenGatewayError {
  static override readonly name = 'ModelNotFoundError';
  constructor(model: string) {
    super('model_not_found', `The model \`${model.slice(0, 96)}\` does not exist.`);
  }
}

/** A request outside the bounds every answer has. */
export class InvalidCompletionRequestError extends OpenGatewayError {
  static override readonly name = 'InvalidCompletionRequestError';
  constructor(message: string) {
    super('invalid_request', message);
  }
}

/** A coordinator's run ended without saying how. */
export class RunCutShortError extends OpenGatewayError {
  static override readonly name = 'RunCutShortError';
  constructor() {
    super('run_cut_short', 'The answer ended without an end event.', { retryable: true });
  }
}
