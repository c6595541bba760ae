import { OpenGatewayError } from '../errors.ts';

/** Nobody serves the model. */
export class NoRouteError extends OpenGatewayError {
  static override readonly name = 'NoRouteError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('no_route', message, { ...options, retryable: true });
  }
}

/** All who serve the model are full, and so is the queue or the patience of this request. */
export class CapacityError extends OpenGatewayError {
  static override readonly name = 'CapacityError';
  constructor(message: string) {
    super('capacity', message, { retryable: true });
  }
}

/** The answer had begun, its peers were lost, and no other could go on with it. */
export class RouteLostError extends OpenGatewayError {
  static override readonly name = 'RouteLostError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('route_lost', message, { ...options, retryable: true });
  }
}

/** The stage's stream was reset, closed too early, or never opened. */
export class SessionLostError extends OpenGatewayError {
  static override readonly name = 'SessionLostError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('session_lost', message, { ...options, retryable: true });
  }
}

/** The stage said nothing for longer than a living one does. */
export class StageSilentError extends OpenGatewayError {
  static override readonly name = 'StageSilentError';
  constructor(silenceMs: number) {
    super('stage_silent', `The peer said nothing for ${Math.round(silenceMs)} ms.`, { retryable: true });
  }
}

/** The stage said that it lives, but got nowhere for longer than it may. */
export class StageStalledError extends OpenGatewayError {
  static override readonly name = 'StageStalledError';
  constructor() {
    super('stage_stalled', 'The peer made no progress for too long.', { retryable: true });
  }
}

/** Several peers say that the sequence is longer than their context, though this side found that it fits. */
export class ContextRefusedError extends OpenGatewayError {
  static override readonly name = 'ContextRefusedError';
  constructor(options: ErrorOptions = {}) {
    super('context_length_exceeded', 'The peers that serve this model refuse a request of this length.', options);
  }
}

/** The stage announced that it goes. */
export class StageLeavingError extends OpenGatewayError {
  static override readonly name = 'StageLeavingError';
  constructor() {
    super('stage_leaving', 'The peer is leaving the network.', { retryable: true });
  }
}

/** The other side broke the order or the limits of the protocol. */
export class ProtocolViolationError extends OpenGatewayError {
  static override readonly name = 'ProtocolViolationError';
  constructor(message: string) {
    super('protocol_violation', message);
  }
}

/** This stage does not serve the model or the layers asked for. */
export class ModelNotServedError extends OpenGatewayError {
  static override readonly name = 'ModelNotServedError';
  constructor() {
    super('model_not_served', 'This peer does not serve that model and layer range.', { retryable: true });
  }
}

/** This stage takes no more sessions now. */
export class StageBusyError extends OpenGatewayError {
  static override readonly name = 'StageBusyError';
  constructor(message: string) {
    super('engine_busy', message, { retryable: true });
  }
}

/** The coordinator took no tokens for too long; it may come again. */
export class ReaderStalledError extends OpenGatewayError {
  static override readonly name = 'ReaderStalledError';
  constructor() {
    super('reader_stalled', 'Nothing was read for too long.', { retryable: true });
  }
}

/** The engine said nothing for longer than it may. */
export class EngineSilentError extends OpenGatewayError {
  static override readonly name = 'EngineSilentError';
  constructor() {
    super('engine_failed', 'The engine of this peer stopped answering.', { retryable: true });
  }
}

/** The session was ended by the coordinator. */
export class SessionCancelledError extends OpenGatewayError {
  static override readonly name = 'SessionCancelledError';
  constructor() {
    super('session_cancelled', 'The coordinator ended the session.');
  }
}

/** The way to the next stage could not be opened or was lost. */
export class NextStageLostError extends OpenGatewayError {
  static override readonly name = 'NextStageLostError';
  constructor(options: ErrorOptions = {}) {
    super('next_stage_lost', 'The next stage of the chain was lost.', { ...options, retryable: true });
  }
}

/** The stage before did not come, or was lost. */
export class PreviousStageLostError extends OpenGatewayError {
  static override readonly name = 'PreviousStageLostError';
  constructor(options: ErrorOptions = {}) {
    super('previous_stage_lost', 'The stage before in the chain was lost.', { ...options, retryable: true });
  }
}
