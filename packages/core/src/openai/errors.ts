import { OpenGatewayError } from '../errors.ts';

export type InvalidRequestCode =
  | 'invalid_json'
  | 'invalid_type'
  | 'invalid_value'
  | 'missing_required_parameter'
  | 'unknown_parameter'
  | 'unsupported_parameter'
  | 'unsupported_value';

/** A request that no relay could answer as it was asked: 400, with the parameter's path. */
export class InvalidRequestError extends OpenGatewayError {
  static override readonly name = 'InvalidRequestError';
  /** Path of the offending parameter, e.g. `messages[0].content`; null when the body as a whole is wrong. */
  readonly param: string | null;

  constructor(code: InvalidRequestCode, message: string, param: string | null) {
    super(code, message);
    this.param = param;
  }
}
