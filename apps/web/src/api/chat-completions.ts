import { ApiError, AnswerCutError, InvalidAnswerError, RelayUnreachableError } from './errors.ts';
import { readEventStream } from './event-stream.ts';
import { readApiError } from './relay-client.ts';
import { ROUTE_HEADER, parseRoute } from './route-header.ts';
import type { AnswerEvent, AnswerRequest } from './answer-events.ts';
import type { Fetch } from './relay-client.ts';

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null;
  readonly error?: { readonly code?: string | null; readonly message?: string };
}

export interface ChatCompletionOptions {
  readonly fetch: Fetch;
  readonly base: string;
  readonly apiKey: string | null;
  /** The region that the person chose; null: the relay goes by the address. */
  readonly region: string | null;
  readonly signal: AbortSignal;
}

/** Header by which a client names its region. */
const REGION_HEADER = 'x-opengateway-region';

/**
 * Asks the relay's `/v1/chat/completions` for a streamed answer.
 *
 * @throws (from the iterator) RelayUnreachableError, ApiError (401 wants a key), AnswerCutError when the
 * stream ends early, InvalidAnswerError, or the signal's reason.
 */
export async function* streamChatCompletion(
  request: AnswerRequest,
  options: ChatCompletionOptions,
): AsyncGenerator<AnswerEvent> {
  const response = await post(request, options);
  if (!response.ok) throw await readApiError(response);
  if (response.body === null) throw new InvalidAnswerError('The relay sent an answer without a body.');
  let reason: 'stop' | 'length' | null = null;
  let usage: Chunk['usage'] = null;
  let routes = 0;
  const route = parseRoute(response.headers.get(ROUTE_HEADER));
  // Without one the request waits in line, and a comment brings it.
  if (route.length > 0) {
    routes = 1;
    yield { type: 'route', stages: route };
  }
  try {
    for await (const item of readEventStream(response.body)) {
      if (item.type === 'comment') {
        const noted = parseComment(item.text);
        if (noted?.type === 'route') routes += 1;
        if (noted !== null) yield noted;
        continue;
      }
      if (item.data === '[DONE]') {
        yield {
          type: 'end',
          reason: reason ?? 'stop',
          promptTokens: usage?.prompt_tokens ?? null,
          completionTokens: usage?.completion_tokens ?? null,
          failovers: Math.max(0, routes - 1),
        };
        return;
      }
      const chunk = parseChunk(item.data);
      if (chunk.error) {
        throw new ApiError(500, chunk.error.code ?? 'internal_error', chunk.error.message ?? 'The answer failed.');
      }
      const choice = chunk.choices?.[0];
      if (choice?.delta?.content) yield { type: 'text-delta', text: choice.delta.content };
      if (choice?.finish_reason) reason = choice.finish_reason === 'length' ? 'length' : 'stop';
      if (chunk.usage) usage = chunk.usage;
    }
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    // The body of a fetch fails with a TypeError when the connection breaks.
    if (error instanceof TypeError) throw new AnswerCutError({ cause: error });
    throw error;
  }
  options.signal.throwIfAborted();
  throw new AnswerCutError();
}

async function post(request: AnswerRequest, options: ChatCompletionOptions): Promise<Response> {
  try {
    return await options.fetch(new URL('/v1/chat/completions', options.base), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(options.apiKey === null ? {} : { authorization: `Bearer ${options.apiKey}` }),
        ...(options.region === null ? {} : { [REGION_HEADER]: options.region }),
      },
      body: JSON.stringify({
        model: request.model,
        messages: request.messages,
        temperature: request.temperature,
        seed: request.seed,
        ...(request.maxTokens === null ? {} : { max_tokens: request.maxTokens }),
        stream: true,
        stream_options: { include_usage: true },
      }),
      signal: options.signal,
    });
  } catch (cause) {
    if (options.signal.aborted) throw options.signal.reason;
    throw new RelayUnreachableError({ cause });
  }
}

function parseChunk(data: string): Chunk {
  try {
    return JSON.parse(data) as Chunk;
  } catch (cause) {
    throw new InvalidAnswerError('The relay sent a piece of the answer that is not JSON.', { cause });
  }
}

/** The relay's notes beside the answer: `route [{…}]` when it changes, `queued, 2 ahead`. */
function parseComment(text: string): AnswerEvent | null {
  if (text.startsWith('route ')) {
    const stages = parseRoute(text.slice('route '.length));
    return stages.length > 0 ? { type: 'route', stages } : null;
  }
  const ahead = /^queued, (\d{1,6}) ahead$/.exec(text)?.[1];
  return ahead === undefined ? null : { type: 'waiting', state: 'queued', done: Number(ahead), total: 0 };
}
