import type { CompletionEvent, TextLogprob } from '../completion/types.ts';
import type {
  ChatChoice,
  ChatCompletion,
  ChatCompletionChunk,
  ChatChunkChoice,
  ChatLogprobs,
  CompletionUsage,
  FinishReason,
} from './types.ts';

/** What every object of one answer carries. */
export interface AnswerHead {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly created: number;
  readonly model: string;
}

/** An event of one of a request's choices. */
export interface ChoiceEvent {
  readonly choice: number;
  readonly event: CompletionEvent;
}

/**
 * Writes the events of all choices of an answer as OpenAI's chunks: a role chunk per choice, deltas, a
 * finish chunk per choice, and at the end the usage if it was asked for.
 */
export class ChunkWriter {
  readonly #head: AnswerHead;
  readonly #options: { readonly includeUsage: boolean; readonly logprobs: boolean };
  readonly #usage = new UsageSum();

  constructor(head: AnswerHead, options: { includeUsage: boolean; logprobs: boolean }) {
    this.#head = head;
    this.#options = options;
  }

  /** The chunk that opens a choice. */
  role(index: number): ChatCompletionChunk {
    return this.#chunk([{ index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }]);
  }

  /** The chunk an event calls for, if any. */
  write({ choice, event }: ChoiceEvent): ChatCompletionChunk | undefined {
    if (event.type === 'text-delta') {
      const logprobs = this.#options.logprobs ? toLogprobs(event.logprobs) : null;
      if (event.text === '' && event.logprobs.length === 0) return undefined;
      return this.#chunk([{ index: choice, delta: { content: event.text }, logprobs, finish_reason: null }]);
    }
    if (event.type === 'end') {
      this.#usage.add(event.usage);
      return this.#chunk([{ index: choice, delta: {}, logprobs: null, finish_reason: event.reason }]);
    }
    return undefined;
  }

  /** The last chunk, where usage was asked for. */
  usage(): ChatCompletionChunk | undefined {
    return this.#options.includeUsage ? { ...this.#chunk([]), usage: this.#usage.total() } : undefined;
  }

  #chunk(choices: ChatChunkChoice[]): ChatCompletionChunk {
    return {
      id: this.#head.id,
      object: 'chat.completion.chunk',
      created: this.#head.created,
      model: this.#head.model,
      choices,
      ...(this.#options.includeUsage ? { usage: null } : {}),
    };
  }
}

/** Collects the events of all choices into the one object of an answer that is not streamed. */
export async function collectCompletion(
  events: AsyncIterable<ChoiceEvent>,
  head: AnswerHead,
  options: { readonly choices: number; readonly logprobs: boolean },
): Promise<ChatCompletion> {
  const usage = new UsageSum();
  const drafts = Array.from({ length: options.choices }, () => ({
    text: [] as string[],
    logprobs: [] as TextLogprob[],
    reason: 'stop' as FinishReason,
  }));
  for await (const { choice, event } of events) {
    const draft = drafts[choice];
    if (draft === undefined) continue;
    if (event.type === 'text-delta') {
      draft.text.push(event.text);
      if (options.logprobs) draft.logprobs.push(...event.logprobs);
    } else if (event.type === 'end') {
      draft.reason = event.reason;
      usage.add(event.usage);
    }
  }
  const choices = drafts.map((draft, index): ChatChoice => ({
    index,
    message: { role: 'assistant', content: draft.text.join(''), refusal: null },
    logprobs: options.logprobs ? toLogprobs(draft.logprobs) : null,
    finish_reason: draft.reason,
  }));
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    choices,
    usage: usage.total(),
  };
}

/** As OpenAI counts: the prompt once, every choice's tokens. */
class UsageSum {
  #promptTokens = 0;
  #completionTokens = 0;

  add(usage: { readonly promptTokens: number; readonly completionTokens: number }): void {
    this.#promptTokens = usage.promptTokens;
    this.#completionTokens += usage.completionTokens;
  }

  total(): CompletionUsage {
    return {
      prompt_tokens: this.#promptTokens,
      completion_tokens: this.#completionTokens,
      total_tokens: this.#promptTokens + this.#completionTokens,
    };
  }
}

function toLogprobs(logprobs: readonly TextLogprob[]): ChatLogprobs {
  return {
    content: logprobs.map(({ text, bytes, logprob, top }) => ({
      token: text,
      logprob,
      bytes: [...bytes],
      top_logprobs: top.map((other) => ({ token: other.text, logprob: other.logprob, bytes: [...other.bytes] })),
    })),
    refusal: null,
  };
}
