/** libp2p's and the platform's names for "the other side or the way to it is gone". */
const EXPECTED_NAMES: ReadonlySet<string> = new Set([
  'AbortError',
  'ConnectionClosedError',
  'ConnectionClosingError',
  'ConnectionFailedError',
  'DialError',
  'DialDeniedError',
  'InvalidCryptoExchangeError',
  'LimitedConnectionError',
  'MuxerClosedError',
  'NotFoundError',
  'NoValidAddressesError',
  'ProtocolError',
  'QueueFullError',
  'StreamAbortedError',
  'StreamBufferError',
  'StreamClosedError',
  'StreamResetError',
  'StreamStateError',
  'TimeoutError',
  'TooManyInboundProtocolStreamsError',
  'TooManyOutboundProtocolStreamsError',
  'UnexpectedEOFError',
  'UnexpectedPeerError',
  'UnsupportedProtocolError',
  'InboundUpgradeError',
  'TransportUnavailableError',
]);

/** Node's codes for the same. */
const EXPECTED_CODES: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * Whether a failure is one that a network has every day: the peer closed, was killed, refused, or never was
 * there. Anything else is a fault of ours and must not be taken for one.
 */
export function isExpectedNetworkError(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { name, code, errors, cause } = error as {
    name?: unknown;
    code?: unknown;
    errors?: unknown;
    cause?: unknown;
  };
  if (typeof name === 'string' && EXPECTED_NAMES.has(name)) return true;
  if (typeof code === 'string' && EXPECTED_CODES.has(code)) return true;
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isExpectedNetworkError);
  // The WebSocket transport of browsers and `ws` reports a failed connection as a plain error with a cause.
  return cause !== undefined && isExpectedNetworkError(cause);
}
