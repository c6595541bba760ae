import { OpenGatewayError, regionName } from '@opengateway/core';

/** The key is missing or wrong. */
export class InvalidApiKeyError extends OpenGatewayError {
  static override readonly name = 'InvalidApiKeyError';
  constructor() {
    super('invalid_api_key', 'This relay asks for its API key: Authorization: Bearer KEY.');
  }
}

/** The request names a host that this relay is not: a web page trying to reach someone's own machine. */
export class HostNotAllowedError extends OpenGatewayError {
  static override readonly name = 'HostNotAllowedError';
  constructor() {
    super('host_not_allowed', 'This relay answers on localhost only. Set PUBLIC_URL to give it another name.');
  }
}

export class NotFoundError extends OpenGatewayError {
  static override readonly name = 'NotFoundError';
  constructor(what: string) {
    super('not_found', `${what} does not exist here.`);
  }
}

export class MethodNotAllowedError extends OpenGatewayError {
  static override readonly name = 'MethodNotAllowedError';
  constructor(method: string, allowed: string) {
    super('method_not_allowed', `${method} is not allowed here; ${allowed} is.`);
  }
}

export class RequestTooLargeError extends OpenGatewayError {
  static override readonly name = 'RequestTooLargeError';
  constructor(maximumBytes: number) {
    super('request_too_large', `The body must have at most ${maximumBytes} bytes.`);
  }
}

export class UnsupportedMediaTypeError extends OpenGatewayError {
  static override readonly name = 'UnsupportedMediaTypeError';
  constructor() {
    super('unsupported_media_type', 'The body must be JSON: Content-Type: application/json.');
  }
}

/** A stop was asked for: running answers finish, new ones go elsewhere or come back later. */
export class ServerStoppingError extends OpenGatewayError {
  static override readonly name = 'ServerStoppingError';
  constructor() {
    super('server_stopping', 'This relay is stopping. Try again in a few seconds.', { retryable: true });
  }
}

export class TooManyAnswersError extends OpenGatewayError {
  static override readonly name = 'TooManyAnswersError';
  constructor(maximum: number) {
    super('capacity', `This relay computes at most ${maximum} answers at once. Try again shortly.`, {
      retryable: true,
    });
  }
}

/** The request is for another region than this relay's: nothing crosses, the client must go there itself. */
export class OtherRegionError extends OpenGatewayError {
  static override readonly name = 'OtherRegionError';
  constructor(own: string, wanted: string, urls: readonly string[]) {
    const there = urls.length === 0 ? 'It knows no relay there.' : `Relays there: ${urls.join(', ')}`;
    super('other_region', `This relay serves ${regionName(own)}, not ${regionName(wanted)}. ${there}`);
  }
}

/** A model that cannot be answered with here now, with what can, and where the model is. */
export class ModelUnavailableError extends OpenGatewayError {
  static override readonly name = 'ModelUnavailableError';
  constructor(message: string, cause: OpenGatewayError) {
    super(cause.code, message, { cause, retryable: cause.retryable });
  }
}

/** Nobody serves any model of this relay. */
export class NothingServedError extends OpenGatewayError {
  static override readonly name = 'NothingServedError';
  constructor() {
    super('no_route', 'Nobody here serves any model now.', { retryable: true });
  }
}

/** The client stopped reading its stream. */
export class StalledClientError extends OpenGatewayError {
  static override readonly name = 'StalledClientError';
  constructor() {
    super('client_stalled', 'The client stopped reading.');
  }
}

/** MODELS_DIR is no folder that can be read. */
export class ModelsDirectoryError extends OpenGatewayError {
  static override readonly name = 'ModelsDirectoryError';
  constructor(directory: string, cause: unknown) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    super('models_directory', `MODELS_DIR ${directory} cannot be read: ${problem}`, { cause });
  }
}

/** A folder under MODELS_DIR is no model this relay can offer. */
export class CatalogError extends OpenGatewayError {
  static override readonly name = 'CatalogError';
  constructor(folder: string, problem: string, options: ErrorOptions = {}) {
    super('invalid_catalog', `MODELS_DIR: the model in ${folder} can't be offered: ${problem}`, options);
  }
}

/** The operator's own list of models is wrong. */
export class CatalogFileError extends OpenGatewayError {
  static override readonly name = 'CatalogFileError';
  /** @param where - e.g. `entry 2 ('llama-8b')`; null: the file as a whole. */
  constructor(path: string, where: string | null, problem: string, options: ErrorOptions = {}) {
    super('invalid_catalog', `CATALOG ${path}: ${where === null ? '' : `${where}: `}${problem}`, options);
  }
}
