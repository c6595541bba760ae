/**
 * Base of every failure the project raises on purpose.
 *
 * Compare by `code` (or `name`), never by `instanceof`: errors cross worker and network boundaries
 * and packages may be duplicated.
 */
export class OpenGatewayError extends Error {
  static override readonly name: string = 'OpenGatewayError';
  /** Stable, snake_case, part of the wire protocol. */
  readonly code: string;
  /** Whether the same request may succeed elsewhere or later. */
  readonly retryable: boolean;

  constructor(code: string, message: string, options: ErrorOptions & { retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** An error as it crosses a worker or network boundary. */
export interface WireError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}

/** Longest error message put on a wire, in UTF-16 units. */
export const MAX_WIRE_ERROR_MESSAGE_CHARS = 500;

/** Code given to a failure that nobody classified. */
export const INTERNAL_ERROR_CODE = 'internal_error';

/** Reduces any thrown value to what may cross a boundary; unknown failures become `internal_error`. */
export function toWire(error: unknown): WireError {
  const source = (
    typeof error === 'object' && error !== null ? error : { message: String(error) }
  ) as Partial<WireError>;
  return {
    name: typeof source.name === 'string' ? source.name : 'Error',
    code: typeof source.code === 'string' ? source.code : INTERNAL_ERROR_CODE,
    message: String(source.message ?? 'unknown failure').slice(0, MAX_WIRE_ERROR_MESSAGE_CHARS),
    retryable: source.retryable === true,
  };
}

/** Rebuilds an error that crossed a boundary, keeping its name, code and retryability. */
export function fromWire(wire: WireError): OpenGatewayError {
  const error = new OpenGatewayError(wire.code, wire.message, { retryable: wire.retryable });
  error.name = wire.name;
  return error;
}

/** The stable code of any thrown value, if it has one. */
export const errorCode = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
};
