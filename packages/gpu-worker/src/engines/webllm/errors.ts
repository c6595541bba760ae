import { OpenGatewayError } from '@opengateway/core';

/** The package, or a file of it, could not be fetched; its host may answer later. */
export class PackageUnavailableError extends OpenGatewayError {
  static override readonly name = 'PackageUnavailableError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('package_unavailable', message, { ...options, retryable: true });
  }
}

/** What was fetched is not a package that the library can run, or not one of this model. */
export class InvalidPackageError extends OpenGatewayError {
  static override readonly name = 'InvalidPackageError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('invalid_package', message, options);
  }
}

/** The package's kernels need something that this GPU, or this browser on it, does not offer. */
export class GpuFeatureMissingError extends OpenGatewayError {
  static override readonly name = 'GpuFeatureMissingError';
  constructor(feature: string, options: ErrorOptions = {}) {
    super(
      'gpu_feature_missing',
      feature === 'shader-f16'
        ? 'This model computes in half precision, which this GPU or browser does not offer (shader-f16).'
        : `This model needs ${feature}, which this GPU or browser does not offer.`,
      options,
    );
  }
}

/** The device has not the memory that the model needs. */
export class PackageMemoryError extends OpenGatewayError {
  static override readonly name = 'PackageMemoryError';
  constructor(options: ErrorOptions = {}) {
    super('insufficient_memory', 'This device has not enough memory for the model and its cache.', options);
  }
}

/** A failure of the library that says nothing more precise; another peer may do the work. */
export class WebLlmFailedError extends OpenGatewayError {
  static override readonly name = 'WebLlmFailedError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('engine_failed', `WebLLM failed: ${message}`, { ...options, retryable: true });
  }
}
