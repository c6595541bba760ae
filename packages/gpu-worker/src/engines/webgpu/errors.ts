import { OpenGatewayError } from '@opengateway/core';

/** There is no GPU that this engine could use; the message says why, for a person to read. */
export class GpuUnavailableError extends OpenGatewayError {
  static override readonly name = 'GpuUnavailableError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('gpu_unavailable', message, options);
  }
}

/** The GPU went away: a driver reset, another tab's crash, a sleeping machine, or `destroy()`. */
export class DeviceLostError extends OpenGatewayError {
  static override readonly name = 'DeviceLostError';
  /** `destroyed` where our own side let go of it. */
  readonly reason: GPUDeviceLostReason;
  constructor(reason: GPUDeviceLostReason, detail: string) {
    super('device_lost', `The GPU was lost: ${detail || reason}.`, { retryable: true });
    this.reason = reason;
  }
}

/** The GPU refused or failed a piece of work; what it was computing cannot be trusted. */
export class GpuFailedError extends OpenGatewayError {
  static override readonly name = 'GpuFailedError';
  constructor(message: string, options: ErrorOptions = {}) {
    super('engine_failed', `The GPU failed: ${message}`, { ...options, retryable: true });
  }
}

/** The GPU has not the memory that weights, cache or scratch need. */
export class GpuMemoryError extends OpenGatewayError {
  static override readonly name = 'GpuMemoryError';
  constructor(wantedBytes: number, options: ErrorOptions = {}) {
    super('insufficient_memory', `${Math.ceil(wantedBytes / 2 ** 20)} MiB of GPU memory could not be had.`, options);
  }
}
