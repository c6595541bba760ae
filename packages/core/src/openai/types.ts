/**
 * The part of OpenAI's chat API that a relay speaks. `types.test-d.ts` proves every response assignable
 * to the `openai` package's types; arrays are mutable because theirs are.
 *
 * @see https://platform.openai.com/docs/api-reference/chat
 */
export interface ChatCompletion {
  readonly id: string;
  readonly object: 'chat.completion';
  /** Seconds since the epoch. */
  readonly created: number;
  readonly model: string;
  readonly choices: ChatChoice[];
  readonly usage: CompletionUsage;
}

export type FinishReason = 'stop' | 'length';

export interface ChatChoice {
  readonly index: number;
  readonly message: { readonly role: 'assistant'; readonly content: string; readonly refusal: null };
  readonly logprobs: ChatLogprobs | null;
  readonly finish_reason: FinishReason;
}

export interface ChatLogprobs {
  readonly content: TokenLogprob[];
  readonly refusal: null;
}

export interface TopLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: number[];
}

export interface TokenLogprob extends TopLogprob {
  readonly top_logprobs: TopLogprob[];
}

export interface CompletionUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** One `data:` event of a streamed answer. */
export interface ChatCompletionChunk {
  readonly id: string;
  readonly object: 'chat.completion.chunk';
  readonly created: number;
  readonly model: string;
  readonly choices: ChatChunkChoice[];
  /** Only with `stream_options.include_usage`: null on every chunk but the last. */
  readonly usage?: CompletionUsage | null;
}

export interface ChatChunkChoice {
  readonly index: number;
  readonly delta: { readonly role?: 'assistant'; readonly content?: string };
  readonly logprobs: ChatLogprobs | null;
  readonly finish_reason: FinishReason | null;
}

export interface Model {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
}

export interface ModelList {
  readonly object: 'list';
  readonly data: Model[];
}

/** Body of every failed request, and of the error event that ends a broken stream. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}
