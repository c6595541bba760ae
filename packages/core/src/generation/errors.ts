import { OpenGatewayError } from '../errors.ts';

/** The model's tokenizer is of a kind this project does not build. */
export class UnsupportedTokenizerError extends OpenGatewayError {
  static override readonly name = 'UnsupportedTokenizerError';
  constructor(what: string) {
    super('unsupported_tokenizer', `The tokenizer cannot be built: ${what}.`);
  }
}

/** The model has no chat template, or one that is not valid Jinja. */
export class UnsupportedChatTemplateError extends OpenGatewayError {
  static override readonly name = 'UnsupportedChatTemplateError';
  constructor(reason: string, options: ErrorOptions = {}) {
    super('unsupported_chat_template', `The model's chat template cannot be used: ${reason}`, options);
  }
}

/** The model's chat template refuses this conversation. */
export class InvalidMessagesError extends OpenGatewayError {
  static override readonly name = 'InvalidMessagesError';
  constructor(reason: string, options: ErrorOptions = {}) {
    super('invalid_messages', `The model's chat template refuses these messages: ${reason}`, options);
  }
}

/** The prompt cannot fit the model's context, whatever the answer's length. */
export class PromptTooLongError extends OpenGatewayError {
  static override readonly name = 'PromptTooLongError';
  constructor(promptTokens: number | { readonly atLeast: number }, contextLength: number) {
    const size = typeof promptTokens === 'number' ? `${promptTokens}` : `at least ${promptTokens.atLeast}`;
    super(
      'context_length_exceeded',
      `This model's maximum context length is ${contextLength} tokens, but the prompt has ${size} tokens.`,
    );
  }
}

/** An engine gave logits that no token can be chosen from (wrong length, or not finite). */
export class InvalidLogitsError extends OpenGatewayError {
  static override readonly name = 'InvalidLogitsError';
  constructor(reason: string) {
    super('invalid_logits', `No token can be chosen: ${reason}.`, { retryable: true });
  }
}
