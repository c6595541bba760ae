import { OpenGatewayError } from '../errors.ts';

/** The bytes are not a GGUF file that this reader accepts. */
export class InvalidGgufError extends OpenGatewayError {
  static override readonly name = 'InvalidGgufError';
  constructor(message: string, options?: ErrorOptions) {
    super('invalid_gguf', message, options);
  }
}

/** A tensor's element type is one that no engine reads. */
export class UnsupportedTensorTypeError extends OpenGatewayError {
  static override readonly name = 'UnsupportedTensorTypeError';
  constructor(tensor: string, type: string) {
    super('unsupported_tensor_type', `Tensor ${tensor} has type ${type}, which is not supported.`);
  }
}

/** The model is well formed, but nothing here can run it. */
export class UnsupportedArchitectureError extends OpenGatewayError {
  static override readonly name = 'UnsupportedArchitectureError';
  constructor(message: string) {
    super('unsupported_model', message);
  }
}

/** A manifest that is malformed or contradicts itself; the message names the field. */
export class InvalidManifestError extends OpenGatewayError {
  static override readonly name = 'InvalidManifestError';
  constructor(message: string, options?: ErrorOptions) {
    super('invalid_manifest', message, options);
  }
}

/** A chunk's bytes are not those that the manifest promises. */
export class ChunkHashMismatchError extends OpenGatewayError {
  static override readonly name = 'ChunkHashMismatchError';
  constructor(file: string, chunk: number) {
    super('chunk_hash_mismatch', `Chunk ${chunk} of ${file} does not have the sha256 its manifest names.`, {
      retryable: true,
    });
  }
}

/** A model's bytes cannot be had now. */
export class SourceUnavailableError extends OpenGatewayError {
  static override readonly name = 'SourceUnavailableError';
  constructor(message: string, options?: ErrorOptions) {
    super('source_unavailable', message, { ...options, retryable: true });
  }
}

/** A tensor reader was asked for more before it had answered. */
export class ReaderBusyError extends OpenGatewayError {
  static override readonly name = 'ReaderBusyError';
  constructor() {
    super('reader_busy', 'A tensor reader answers one read at a time.');
  }
}
