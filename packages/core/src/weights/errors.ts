import { OpenGatewayError, errorCode } from '../errors.ts';

const BREACHES: ReadonlySet<unknown> = new Set(['bad_source', 'malformed_message', 'message_too_large']);

/** Whether it is what only a peer that means no good, or one of another version, does. */
export const isBreach = (error: unknown): boolean => BREACHES.has(errorCode(error));

/** A model with more chunks than a have-list holds. */
export class UnexchangeableModelError extends OpenGatewayError {
  static override readonly name = 'UnexchangeableModelError';
  constructor(id: string) {
    super('unexchangeable_model', `${id} is too large for peers to exchange.`);
  }
}

/** A peer said or sent what nobody may: it is not asked again. */
export class BadSourceError extends OpenGatewayError {
  static override readonly name = 'BadSourceError';
  constructor(message: string) {
    super('bad_source', message);
  }
}

/** A peer was too slow, too silent or too many. */
export class SourceDroppedError extends OpenGatewayError {
  static override readonly name = 'SourceDroppedError';
  constructor(message: string) {
    super('source_dropped', message, { retryable: true });
  }
}

/** The exchange of a model ended. */
export class ExchangeLeftError extends OpenGatewayError {
  static override readonly name = 'ExchangeLeftError';
  constructor() {
    super('exchange_left', 'This device no longer exchanges that model.');
  }
}

/** Neither a peer nor the server has had what lacks for a while. */
export class NoSourceError extends OpenGatewayError {
  static override readonly name = 'NoSourceError';
  constructor(model: string, cause: unknown) {
    super('source_unavailable', `Parts of ${model} can be had nowhere now: no peer has them and no server gave them.`, {
      cause,
      retryable: true,
    });
  }
}
