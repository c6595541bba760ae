import { OpenGatewayError } from '../errors.ts';
import type { PeerName } from '../ids.ts';

/** No connection to the peer stands, and none could be made in time. */
export class PeerUnreachableError extends OpenGatewayError {
  static override readonly name = 'PeerUnreachableError';
  constructor(peer: PeerName, options: ErrorOptions = {}) {
    super('peer_unreachable', `There is no way to the peer ${peer}.`, { ...options, retryable: true });
  }
}
