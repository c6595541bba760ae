import { OpenGatewayError } from '@opengateway/core';

/** The cache's byte budget cannot hold another sequence of the wanted length. */
export class KvCacheFullError extends OpenGatewayError {
  static override readonly name = 'KvCacheFullError';
  constructor(wantedTokens: number, freeTokens: number) {
    super('kv_cache_full', `The KV cache has room for ${freeTokens} more tokens; ${wantedTokens} were asked for.`, {
      retryable: true,
    });
  }
}

export class TooManySequencesError extends OpenGatewayError {
  static override readonly name = 'TooManySequencesError';
  constructor(maximum: number) {
    super('too_many_sequences', `This engine computes at most ${maximum} sequences at once.`, { retryable: true });
  }
}

export class SequenceNotFoundError extends OpenGatewayError {
  static override readonly name = 'SequenceNotFoundError';
  constructor(sequence: number) {
    super('sequence_not_found', `Sequence ${sequence} is not open.`);
  }
}

/** The positions asked for do not fit the sequence's reservation or the model's context. */
export class ContextLengthExceededError extends OpenGatewayError {
  static override readonly name = 'ContextLengthExceededError';
  constructor(wantedTokens: number, maximumTokens: number) {
    super('context_length_exceeded', `${wantedTokens} tokens were asked for; at most ${maximumTokens} fit.`);
  }
}

/** A step that the engine's layer range, batch size or shapes do not allow. */
export class InvalidStepError extends OpenGatewayError {
  static override readonly name = 'InvalidStepError';
  constructor(message: string) {
    super('invalid_step', message);
  }
}

/** The model needs something this engine does not have. */
export class UnsupportedModelError extends OpenGatewayError {
  static override readonly name = 'UnsupportedModelError';
  constructor(message: string) {
    super('unsupported_model', message);
  }
}
