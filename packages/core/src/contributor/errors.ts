import { OpenGatewayError } from '../errors.ts';
import type { LayerRange } from '../ids.ts';

/** What was asked for does not fit what the contributor is doing. */
export class ContributorStateError extends OpenGatewayError {
  static override readonly name = 'ContributorStateError';
  constructor(wanted: string, state: string) {
    super('invalid_state', `Cannot ${wanted} while ${state}.`);
  }
}

/** The start was given up because the contributor was stopped. */
export class ContributorStoppedError extends OpenGatewayError {
  static override readonly name = 'ContributorStoppedError';
  constructor() {
    super('contributor_stopped', 'Contributing was stopped before it began.');
  }
}

/** The manifest could not be fetched. */
export class ManifestUnavailableError extends OpenGatewayError {
  static override readonly name = 'ManifestUnavailableError';
  constructor(url: string, reason: string, options: ErrorOptions = {}) {
    super('manifest_unavailable', `The manifest ${url} could not be fetched: ${reason}.`, {
      ...options,
      retryable: true,
    });
  }
}

/** The manifest is not the one the catalogue names: someone changed one of them. */
export class ManifestMismatchError extends OpenGatewayError {
  static override readonly name = 'ManifestMismatchError';
  constructor(model: string, expected: string, actual: string) {
    super('manifest_mismatch', `The manifest of ${model} has the hash ${actual}, not ${expected}.`);
  }
}

/** The engine broke again and again soon after its start, so it is left alone. */
export class EngineKeepsFailingError extends OpenGatewayError {
  static override readonly name = 'EngineKeepsFailingError';
  constructor(reason: string) {
    super('engine_keeps_failing', `The engine kept failing and was not started again. The last time: ${reason}`);
  }
}

/** The layers asked for are not a range of the model. */
export class LayersOutOfRangeError extends OpenGatewayError {
  static override readonly name = 'LayersOutOfRangeError';
  constructor({ start, end }: LayerRange, layerCount: number) {
    super(
      'layers_out_of_range',
      `Layers ${start}-${end} were asked for, but the model has layers 0-${layerCount} (the end is not included).`,
    );
  }
}

/** What is lent holds no layer of the model. */
export class MemoryTooSmallError extends OpenGatewayError {
  static override readonly name = 'MemoryTooSmallError';
  constructor(lentBytes: number, neededBytes: number) {
    super(
      'memory_too_small',
      `${megabytes(lentBytes)} are lent, but one layer of this model needs ${megabytes(neededBytes)}. Lend more memory or choose a smaller model.`,
    );
  }
}

/** The model asked for lies on disk here, and could not be brought into memory: others may serve it. */
export class ModelNotLoadedError extends OpenGatewayError {
  static override readonly name = 'ModelNotLoadedError';
  constructor(reason: string, options: ErrorOptions = {}) {
    super('model_not_served', `This peer could not load the model: ${reason}`, { ...options, retryable: true });
  }
}

/** A further model needs more memory than is lent. */
export class ModelTooLargeError extends OpenGatewayError {
  static override readonly name = 'ModelTooLargeError';
  constructor(lentBytes: number, neededBytes: number) {
    super(
      'model_too_large',
      `${megabytes(lentBytes)} of memory are left for this model, but it needs ${megabytes(neededBytes)}. Lend more memory or leave it out.`,
    );
  }
}

/** More models were to be held than one contributor can announce. */
export class TooManyModelsError extends OpenGatewayError {
  static override readonly name = 'TooManyModelsError';
  constructor(most: number) {
    super('too_many_models', `One device holds at most ${most} models. Leave some out.`);
  }
}

/** This host has one engine only. */
export class SingleModelError extends OpenGatewayError {
  static override readonly name = 'SingleModelError';
  constructor() {
    super('single_model', 'This host can hold one model only.');
  }
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
