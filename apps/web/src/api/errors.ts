import { OpenGatewayError } from '@opengateway/core';

/** A refusal by the relay, in the terms of OpenAI's error body. */
export class ApiError extends OpenGatewayError {
  static override readonly name = 'ApiError';
  readonly status: number;
  /** The parameter that was refused, if it was one. */
  readonly parameter: string | null;
  /** When to ask again, if the relay said so, in seconds. */
  readonly retryAfterSeconds: number | null;

  constructor(
    status: number,
    code: string,
    message: string,
    details: { parameter?: string | null; retryAfterSeconds?: number | null } = {},
  ) {
    super(code, message, { retryable: status === 429 || status >= 500 });
    this.status = status;
    this.parameter = details.parameter ?? null;
    this.retryAfterSeconds = details.retryAfterSeconds ?? null;
  }
}

/** The relay did not answer at all. */
export class RelayUnreachableError extends OpenGatewayError {
  static override readonly name = 'RelayUnreachableError';
  constructor(options: ErrorOptions = {}) {
    super('relay_unreachable', 'The relay cannot be reached.', { ...options, retryable: true });
  }
}

/** What the relay sent is not what it should send. */
export class InvalidAnswerError extends OpenGatewayError {
  static override readonly name = 'InvalidAnswerError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('invalid_answer', message, options);
  }
}

/** The stream ended before the answer did. */
export class AnswerCutError extends OpenGatewayError {
  static override readonly name = 'AnswerCutError';
  constructor(options: ErrorOptions = {}) {
    super('answer_cut', 'The connection to the relay broke off in mid-answer.', { ...options, retryable: true });
  }
}
