import { OpenGatewayError } from '../errors.ts';

/** Bytes that are not canonical CBOR of the schema expected. */
export class MalformedMessageError extends OpenGatewayError {
  static override readonly name = 'MalformedMessageError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('malformed_message', message, options);
  }
}

/** A message over its cap, refused before it is read. */
export class MessageTooLargeError extends OpenGatewayError {
  static override readonly name = 'MessageTooLargeError';
  constructor(bytes: number, maximumBytes: number) {
    super('message_too_large', `A message of ${bytes} bytes was refused; at most ${maximumBytes} are accepted.`);
  }
}
