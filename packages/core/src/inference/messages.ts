import * as z from 'zod/mini';
import { MAX_WIRE_ERROR_MESSAGE_CHARS } from '../errors.ts';
import type { WireError } from '../errors.ts';
import {
  MAX_LOGIT_BIAS_ENTRIES,
  MAX_REPETITION_PENALTY,
  MAX_TOP_LOGPROBS,
  MIN_REPETITION_PENALTY,
} from '../generation/sampling.ts';
import { MAX_CHAIN_STAGES } from '../routing/constants.ts';
import { MAX_CONTEXT_TOKENS, MAX_END_TOKENS, MIN_LOGPROB, TOKEN_BYTES } from '../wire/limits.ts';
import { MAX_CREDIT_TOKENS } from './constants.ts';
import { HIDDEN_FORMATS } from './layer-runner.ts';

/** One libp2p stream per session: the coordinator opens it, the stage answers on it. */
export const INFERENCE_PROTOCOL = '/opengateway/inference/1.0.0';

const token = z.int().check(z.nonnegative(), z.maximum(2 ** 31 - 1));
const count = token;
const milliseconds = z.number().check(z.nonnegative(), z.maximum(1e10));
const bounded = (minimum: number, maximum: number) => z.number().check(z.minimum(minimum), z.maximum(maximum));
const logprob = bounded(MIN_LOGPROB, 0);

const samplingSchema = z.strictObject({
  temperature: bounded(0, 100),
  topP: bounded(0, 1).check(z.positive()),
  topK: count,
  minP: bounded(0, 1),
  frequencyPenalty: bounded(-2, 2),
  presencePenalty: bounded(-2, 2),
  repetitionPenalty: bounded(MIN_REPETITION_PENALTY, MAX_REPETITION_PENALTY),
  logitBias: z.array(z.tuple([token, bounded(-100, 100)])).check(z.maxLength(MAX_LOGIT_BIAS_ENTRIES)),
  seed: z.int().check(z.nonnegative(), z.maximum(2 ** 32 - 1)),
  topLogprobs: z.nullable(z.int().check(z.nonnegative(), z.maximum(MAX_TOP_LOGPROBS))),
});

/** A stage's place in a chain: what it needs to know of its neighbours. */
const chainSchema = z.strictObject({
  /** All stages in the order of their layers; the last one's neighbour is the first. */
  peers: z
    .array(z.string().check(z.regex(/^[A-Za-z0-9]{1,128}$/)))
    .check(z.minLength(2), z.maxLength(MAX_CHAIN_STAGES)),
  /** Of the stage this is said to. */
  index: z.int().check(z.nonnegative(), z.maximum(MAX_CHAIN_STAGES - 1)),
  /** Of prompt and answer so far, which only the first and the last stage are told. */
  tokenCount: count.check(z.minimum(1), z.maximum(MAX_CONTEXT_TOKENS)),
  /** Of the hidden states this stage is to send. */
  format: z.enum(HIDDEN_FORMATS),
});

/** First message of a session: the sequence to continue and on which layers of which model. */
export const openSchema = z.strictObject({
  type: z.literal('open'),
  v: z.literal(1),
  session: z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/)),
  /** Manifest hash. */
  model: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  /** Half-open layer range `[start, end)` this stage is to compute. */
  layers: z.tuple([count, count]),
  /** Prompt and answer so far: ids of 32 bits, little-endian. Empty for the stages inside a chain. */
  tokens: z.instanceof(Uint8Array).check(z.refine((bytes) => bytes.byteLength <= MAX_CONTEXT_TOKENS * TOKEN_BYTES)),
  promptTokenCount: count,
  maxTokens: count.check(z.minimum(1)),
  endTokens: z.array(token).check(z.maxLength(MAX_END_TOKENS)),
  sampling: samplingSchema,
  /** Tokens the stage may send before it is given more. */
  credit: z.int().check(z.minimum(1), z.maximum(MAX_CREDIT_TOKENS)),
  /** Absent where the stage holds the whole model. */
  chain: z.optional(chainSchema),
});
export type OpenMessage = z.infer<typeof openSchema>;

/** What a coordinator says after `open`. Closing or resetting the stream is a cancel too. */
export const coordinatorMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('credit'), tokens: z.int().check(z.minimum(1), z.maximum(MAX_CREDIT_TOKENS)) }),
  z.strictObject({ type: z.literal('cancel') }),
  /** To the stages of a chain: the answer is complete, tell what it took. */
  z.strictObject({ type: z.literal('finish') }),
]);

const wireErrorSchema = z.strictObject({
  name: z.string().check(z.maxLength(100)),
  code: z.string().check(z.maxLength(100)),
  message: z.string().check(z.maxLength(MAX_WIRE_ERROR_MESSAGE_CHARS)),
  retryable: z.boolean(),
});

const logprobsSchema = z.strictObject({
  logprob,
  top: z.array(z.strictObject({ token, logprob })).check(z.maxLength(MAX_TOP_LOGPROBS)),
});

/**
 * What a stage says: `accepted` progress* token* `end`, where `error` or `leaving` may take the place of
 * everything from any point on. `progress` with the last state is also the heartbeat.
 *
 * In a chain every stage says `accepted` (with its way to the next one) and `progress`, whose `done` counts the
 * positions it has computed; only the last one `token` and `end`; and each, asked to `finish`, `summary`.
 */
export const stageMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('accepted'),
    hop: z.optional(z.strictObject({ rttMs: milliseconds, direct: z.boolean() })),
  }),
  z.strictObject({
    type: z.literal('progress'),
    state: z.enum(['queued', 'prefill', 'decode']),
    done: count,
    total: count,
  }),
  z.strictObject({ type: z.literal('token'), token, logprobs: z.optional(logprobsSchema) }),
  z.strictObject({
    type: z.literal('end'),
    reason: z.enum(['stop', 'length']),
    timing: z.strictObject({ queuedMs: milliseconds, prefillMs: milliseconds, decodeMs: milliseconds }),
  }),
  z.strictObject({
    type: z.literal('summary'),
    prefillMs: milliseconds,
    decodeMs: milliseconds,
    decodeSteps: count,
    /** Payload sent to the next stage. */
    sentBytes: z.int().check(z.nonnegative()),
  }),
  z.strictObject({ type: z.literal('error'), error: wireErrorSchema }),
  z.strictObject({ type: z.literal('leaving') }),
]);
export type StageMessage = z.infer<typeof stageMessageSchema>;

/** `error` as its schema wants it, whatever its name and code are. */
export const errorMessage = (error: WireError): StageMessage => ({
  type: 'error',
  error: { ...error, name: error.name.slice(0, 100), code: error.code.slice(0, 100) },
});
