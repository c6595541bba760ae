import { OpenGatewayError } from '@opengateway/core';

/** Every place is taken and the queue is full; another peer may have room. */
export class EngineBusyError extends OpenGatewayError {
  static override readonly name = 'EngineBusyError';
  constructor(queued: number) {
    super('engine_busy', `All places are taken and ${queued} requests wait already.`, { retryable: true });
  }
}

/** The engine or its worker failed or went away in the middle of the work; another peer may do it. */
export class EngineFailedError extends OpenGatewayError {
  static override readonly name = 'EngineFailedError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('engine_failed', message, { ...options, retryable: true });
  }
}

/** A request that no engine could compute, e.g. a token outside the vocabulary. */
export class InvalidGenerationError extends OpenGatewayError {
  static override readonly name = 'InvalidGenerationError';
  constructor(message: string) {
    super('invalid_generation', message);
  }
}

/** The consumer took no token for so long that its place went to someone else. */
export class ConsumerStalledError extends OpenGatewayError {
  static override readonly name = 'ConsumerStalledError';
  constructor(stalledMs: number) {
    super('consumer_stalled', `No token was taken for ${Math.round(stalledMs / 1000)} s.`);
  }
}

/** What a neighbour in a chain sent cannot be computed on: another size, place or token, or no finite number. */
export class InvalidInputError extends OpenGatewayError {
  static override readonly name = 'InvalidInputError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('invalid_input', message, options);
  }
}
