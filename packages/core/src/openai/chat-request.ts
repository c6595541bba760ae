import { ModelNotFoundError } from '../completion/errors.ts';
import { MAX_STOP_SEQUENCES } from '../generation/constants.ts';
import { derivedSeed } from '../generation/gumbel-noise.ts';
import { DEFAULT_SAMPLING } from '../generation/sampling.ts';
import { isModelId } from '../ids.ts';
import { normalizeMessages } from './chat-messages.ts';
import { chatSchema } from './chat-schema.ts';
import { MIN_TOP_P } from './constants.ts';
import { echo, invalidRequest } from './describe-issue.ts';
import { InvalidRequestError } from './errors.ts';
import { CHAT_PARAMETERS } from './parameters.ts';
import type { CompletionRequest } from '../completion/types.ts';
import type { SamplingParameters } from '../generation/sampling.ts';
import type { ChatBody } from './chat-schema.ts';

/** A checked chat request: one completion per choice, and how the answer is to be written. */
export interface ChatRequest {
  readonly model: string;
  /** One per choice, equal but for their seeds. */
  readonly completions: readonly CompletionRequest[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly logprobs: boolean;
}

export interface ParseChatOptions {
  /** Seed of a request that brings none, unsigned 32 bits. */
  readonly randomSeed: () => number;
}

/**
 * Checks the decoded body of `POST /v1/chat/completions`. Nulls count as absent, as with OpenAI.
 *
 * @throws InvalidRequestError with the parameter's path; ModelNotFoundError where the name cannot be one.
 */
export function parseChatRequest(body: unknown, options: ParseChatOptions): ChatRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new InvalidRequestError('invalid_type', 'The body must be a JSON object.', null);
  }
  const fields = Object.entries(body).filter(([, value]) => value !== null);
  for (const [name] of fields) refuseParameter(name);
  const normalized: Record<string, unknown> = Object.fromEntries(fields);
  normalized.messages = normalizeMessages(normalized.messages);
  normalized.stop = normalizeStop(normalized.stop);
  refuseUnsupportedValues(normalized);

  const parsed = chatSchema.safeParse(normalized, { reportInput: true });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw issue === undefined
      ? new InvalidRequestError('invalid_value', 'The body is not valid.', null)
      : invalidRequest(issue);
  }
  refuseContradictions(parsed.data);
  return toChatRequest(parsed.data, options);
}

/** A single sequence may stand for a list of one. */
function normalizeStop(stop: unknown): unknown {
  if (typeof stop === 'string') return [stop];
  if (stop === undefined || Array.isArray(stop)) return stop;
  throw new InvalidRequestError(
    'invalid_type',
    `'stop' must be a string or an array of at most ${MAX_STOP_SEQUENCES} strings.`,
    'stop',
  );
}

function refuseParameter(name: string): void {
  const status = Object.hasOwn(CHAT_PARAMETERS, name)
    ? CHAT_PARAMETERS[name as keyof typeof CHAT_PARAMETERS]
    : undefined;
  if (status === undefined) {
    throw new InvalidRequestError('unknown_parameter', `'${echo(name)}' is not a known parameter.`, echo(name));
  }
  if (status === 'refused') {
    throw new InvalidRequestError('unsupported_parameter', `'${name}' is not supported here.`, name);
  }
}

/** Values OpenAI gives a meaning that no route here has: named as such, not as mistakes. */
function refuseUnsupportedValues(body: Readonly<Record<string, unknown>>): void {
  const format = (body.response_format as { type?: unknown } | undefined)?.type;
  if (format === 'json_object' || format === 'json_schema') {
    throw unsupportedValue('response_format', `type '${format}'; only 'text' is`);
  }
  if (body.store === true) throw unsupportedValue('store', 'true: answers are not kept');
  if (body.service_tier === 'flex' || body.service_tier === 'scale' || body.service_tier === 'priority') {
    throw unsupportedValue('service_tier', `'${body.service_tier}'`);
  }
}

const unsupportedValue = (param: string, what: string): InvalidRequestError =>
  new InvalidRequestError('unsupported_value', `'${param}' is not supported with ${what}.`, param);

function refuseContradictions(body: ChatBody): void {
  const { max_tokens: older, max_completion_tokens: newer } = body;
  if (older !== undefined && newer !== undefined && older !== newer) {
    throw new InvalidRequestError(
      'invalid_value',
      "'max_tokens' and 'max_completion_tokens' are two names of one limit and differ.",
      'max_tokens',
    );
  }
  if (body.top_logprobs !== undefined && body.logprobs !== true) {
    throw new InvalidRequestError('invalid_value', "'top_logprobs' needs 'logprobs': true.", 'top_logprobs');
  }
  if (body.stream_options !== undefined && body.stream !== true) {
    throw new InvalidRequestError('invalid_value', "'stream_options' needs 'stream': true.", 'stream_options');
  }
}

function toChatRequest(body: ChatBody, options: ParseChatOptions): ChatRequest {
  const { model } = body;
  if (!isModelId(model)) throw new ModelNotFoundError(echo(model));
  const maxTokens = body.max_completion_tokens ?? body.max_tokens;
  const seed = body.seed === undefined ? options.randomSeed() : toSeed(body.seed);
  const sampling = samplingOf(body);
  const messages = body.messages.map(({ role, content }) => ({
    role,
    content: content.map(({ text }) => text).join(''),
  }));
  const completions = Array.from({ length: body.n ?? 1 }, (_, choice) => ({
    model,
    messages,
    sampling: { ...sampling, seed: derivedSeed(seed, choice) },
    ...(maxTokens === undefined ? {} : { maxTokens }),
    stop: body.stop ?? [],
  }));
  return {
    model,
    completions,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    logprobs: body.logprobs ?? false,
  };
}

function samplingOf(body: ChatBody): Omit<SamplingParameters, 'seed'> {
  return {
    temperature: body.temperature ?? DEFAULT_SAMPLING.temperature,
    topP: Math.max(body.top_p ?? DEFAULT_SAMPLING.topP, MIN_TOP_P),
    topK: body.top_k ?? DEFAULT_SAMPLING.topK,
    minP: body.min_p ?? DEFAULT_SAMPLING.minP,
    frequencyPenalty: body.frequency_penalty ?? DEFAULT_SAMPLING.frequencyPenalty,
    presencePenalty: body.presence_penalty ?? DEFAULT_SAMPLING.presencePenalty,
    repetitionPenalty: body.repetition_penalty ?? DEFAULT_SAMPLING.repetitionPenalty,
    logitBias: Object.entries(body.logit_bias ?? {}).map(([token, bias]) => [Number(token), bias] as const),
    topLogprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : null,
  };
}

/** OpenAI takes 64-bit seeds, samplers 32: the low bits count, negative ones in two's complement. */
const toSeed = (seed: number): number => Number(BigInt.asUintN(32, BigInt(seed)));
