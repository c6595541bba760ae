import { OpenGatewayError } from '@opengateway/core';

/** The relay answers over HTTP, but the link that peers talk over did not come about. */
export class JoinTimeoutError extends OpenGatewayError {
  static override readonly name = 'JoinTimeoutError';
  constructor(seconds: number) {
    super('join_timeout', `The relay did not accept a WebSocket within ${seconds} s; a proxy may be in the way.`, {
      retryable: true,
    });
  }
}

/** The coordinator of this tab alone was asked to go to a peer. */
export class NoPeersError extends OpenGatewayError {
  static override readonly name = 'NoPeersError';
  constructor() {
    super('no_route', 'This device answers by itself and no longer has the model.', { retryable: true });
  }
}
