import * as z from 'zod/mini';
import { MAX_MESSAGES, MAX_STOP_SEQUENCE_CHARS, MAX_STOP_SEQUENCES } from '../generation/constants.ts';
import {
  MAX_LOGIT_BIAS_ENTRIES,
  MAX_REPETITION_PENALTY,
  MAX_TOP_LOGPROBS,
  MIN_REPETITION_PENALTY,
} from '../generation/sampling.ts';
import { MAX_CHOICES, MAX_LABEL_CHARS, MAX_METADATA_ENTRIES, MAX_METADATA_VALUE_CHARS } from './constants.ts';

const between = (minimum: number, maximum: number) => z.number().check(z.minimum(minimum), z.maximum(maximum));
const label = z.string().check(z.maxLength(MAX_LABEL_CHARS));
const tokenCount = z.int().check(z.minimum(1), z.maximum(2 ** 31 - 1));

const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.array(z.strictObject({ type: z.literal('text'), text: z.string() })).check(z.minLength(1)),
});

/** A chat request once nulls are dropped and messages and `stop` are in their array form. */
export const chatSchema = z.strictObject({
  model: z.string(),
  messages: z.array(message).check(z.minLength(1), z.maxLength(MAX_MESSAGES)),

  stream: z.optional(z.boolean()),
  stream_options: z.optional(
    z.strictObject({ include_usage: z.optional(z.boolean()), include_obfuscation: z.optional(z.literal(false)) }),
  ),

  temperature: z.optional(between(0, 2)),
  top_p: z.optional(between(0, 1)),
  top_k: z.optional(z.int().check(z.minimum(0), z.maximum(1_048_576))),
  min_p: z.optional(between(0, 1)),
  frequency_penalty: z.optional(between(-2, 2)),
  presence_penalty: z.optional(between(-2, 2)),
  repetition_penalty: z.optional(between(MIN_REPETITION_PENALTY, MAX_REPETITION_PENALTY)),
  logit_bias: z.optional(
    z
      .record(z.string().check(z.regex(/^\d{1,7}$/)), between(-100, 100))
      .check(z.refine((bias) => Object.keys(bias).length <= MAX_LOGIT_BIAS_ENTRIES)),
  ),
  logprobs: z.optional(z.boolean()),
  top_logprobs: z.optional(z.int().check(z.minimum(0), z.maximum(MAX_TOP_LOGPROBS))),
  seed: z.optional(z.int()),

  max_tokens: z.optional(tokenCount),
  max_completion_tokens: z.optional(tokenCount),
  stop: z.optional(
    z
      .array(z.string().check(z.minLength(1), z.maxLength(MAX_STOP_SEQUENCE_CHARS)))
      .check(z.maxLength(MAX_STOP_SEQUENCES)),
  ),
  n: z.optional(z.int().check(z.minimum(1), z.maximum(MAX_CHOICES))),

  response_format: z.optional(z.strictObject({ type: z.literal('text') })),
  store: z.optional(z.literal(false)),
  service_tier: z.optional(z.enum(['auto', 'default'])),
  user: z.optional(label),
  safety_identifier: z.optional(label),
  prompt_cache_key: z.optional(label),
  metadata: z.optional(
    z
      .record(z.string().check(z.maxLength(64)), z.string().check(z.maxLength(MAX_METADATA_VALUE_CHARS)))
      .check(z.refine((metadata) => Object.keys(metadata).length <= MAX_METADATA_ENTRIES)),
  ),
});

export type ChatBody = z.infer<typeof chatSchema>;
