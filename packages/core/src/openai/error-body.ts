import { errorCode, INTERNAL_ERROR_CODE, MAX_WIRE_ERROR_MESSAGE_CHARS } from '../errors.ts';
import type { ErrorBody } from './types.ts';

/** A failure as an HTTP client of `/v1` sees it. */
export interface HttpFailure {
  readonly status: number;
  readonly body: ErrorBody;
  /** Seconds, for a `Retry-After` header. */
  readonly retryAfterSeconds?: number;
}

interface ErrorRow {
  readonly status: number;
  readonly type: 'invalid_request_error' | 'authentication_error' | 'rate_limit_error' | 'server_error';
  readonly param?: string;
  /** The code shown, where it is not the error's own. */
  readonly code?: string;
  readonly retryAfterSeconds?: number;
}

/** A place usually frees within an answer's length. */
const RETRY_WHEN_FULL_SECONDS = 2;
/** A contributor needs a few seconds to load and announce itself. */
const RETRY_WHEN_NOT_SERVED_SECONDS = 5;

const BAD_REQUEST: ErrorRow = { status: 400, type: 'invalid_request_error' };
const FULL: ErrorRow = { status: 429, type: 'rate_limit_error', retryAfterSeconds: RETRY_WHEN_FULL_SECONDS };
const NOT_SERVED: ErrorRow = {
  status: 503,
  type: 'server_error',
  retryAfterSeconds: RETRY_WHEN_NOT_SERVED_SECONDS,
};

/** Error code → what the client gets. Of codes that are not here, the client learns only whether to come back. */
export const ERROR_TABLE: Readonly<Record<string, ErrorRow>> = {
  invalid_json: BAD_REQUEST,
  invalid_type: BAD_REQUEST,
  invalid_value: BAD_REQUEST,
  missing_required_parameter: BAD_REQUEST,
  unknown_parameter: BAD_REQUEST,
  unsupported_parameter: BAD_REQUEST,
  unsupported_value: BAD_REQUEST,
  invalid_request: BAD_REQUEST,
  invalid_messages: { ...BAD_REQUEST, param: 'messages' },
  context_length_exceeded: { ...BAD_REQUEST, param: 'messages' },
  invalid_api_key: { status: 401, type: 'authentication_error' },
  host_not_allowed: { status: 403, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error', param: 'model' },
  not_found: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  request_too_large: { status: 413, type: 'invalid_request_error' },
  unsupported_media_type: { status: 415, type: 'invalid_request_error' },
  capacity: FULL,
  engine_busy: { ...FULL, code: 'capacity' },
  kv_cache_full: { ...FULL, code: 'capacity' },
  too_many_sequences: { ...FULL, code: 'capacity' },
  text_busy: { ...FULL, code: 'capacity' },
  no_route: NOT_SERVED,
  /** Not here, however long one waits. */
  other_region: { status: 503, type: 'server_error', param: 'x-opengateway-region' },
  route_lost: NOT_SERVED,
  model_not_ready: NOT_SERVED,
  server_stopping: NOT_SERVED,
  engine_failed: { ...NOT_SERVED, code: 'no_route' },
  text_timeout: { status: 504, type: 'server_error' },
  deadline_exceeded: { status: 504, type: 'server_error' },
};

const INTERNAL: ErrorRow = { status: 500, type: 'server_error' };

/** Turns any thrown value into OpenAI's error; what nobody classified keeps its message to itself. */
export function toHttpFailure(error: unknown): HttpFailure {
  const code = errorCode(error);
  const row = code === undefined || !Object.hasOwn(ERROR_TABLE, code) ? undefined : ERROR_TABLE[code];
  if (row === undefined) {
    const retryable = (error as { retryable?: unknown } | null | undefined)?.retryable === true;
    return retryable
      ? failure(NOT_SERVED, 'no_route', 'Nobody could answer this request now. Try again in a few seconds.', null)
      : failure(INTERNAL, INTERNAL_ERROR_CODE, 'The relay failed to answer this request.', null);
  }
  const { message, param } = error as { message?: unknown; param?: unknown };
  return failure(
    row,
    row.code ?? (code as string),
    String(message ?? '').slice(0, MAX_WIRE_ERROR_MESSAGE_CHARS),
    typeof param === 'string' ? param : (row.param ?? null),
  );
}

function failure(row: ErrorRow, code: string, message: string, param: string | null): HttpFailure {
  return {
    status: row.status,
    body: { error: { message, type: row.type, param, code } },
    ...(row.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: row.retryAfterSeconds }),
  };
}
