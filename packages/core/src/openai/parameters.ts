/**
 * What becomes of each parameter of a chat request.
 *
 * `supported`: obeyed. `accepted`: checked, and without effect by OpenAI's own meaning (labels and
 * hints that never change an answer). `refused`: 400 `unsupported_parameter`, because answering as if
 * it had not been asked would be wrong. Any name not here: 400 `unknown_parameter`.
 */
export const CHAT_PARAMETERS = {
  model: 'supported',
  messages: 'supported',
  stream: 'supported',
  stream_options: 'supported',
  temperature: 'supported',
  top_p: 'supported',
  top_k: 'supported',
  min_p: 'supported',
  frequency_penalty: 'supported',
  presence_penalty: 'supported',
  repetition_penalty: 'supported',
  logit_bias: 'supported',
  logprobs: 'supported',
  top_logprobs: 'supported',
  max_tokens: 'supported',
  max_completion_tokens: 'supported',
  stop: 'supported',
  seed: 'supported',
  n: 'supported',
  response_format: 'supported',
  store: 'supported',
  service_tier: 'supported',

  user: 'accepted',
  metadata: 'accepted',
  safety_identifier: 'accepted',
  prompt_cache_key: 'accepted',

  audio: 'refused',
  function_call: 'refused',
  functions: 'refused',
  modalities: 'refused',
  moderation: 'refused',
  parallel_tool_calls: 'refused',
  prediction: 'refused',
  prompt_cache_options: 'refused',
  prompt_cache_retention: 'refused',
  reasoning_effort: 'refused',
  tool_choice: 'refused',
  tools: 'refused',
  verbosity: 'refused',
  web_search_options: 'refused',
} as const satisfies Record<string, 'supported' | 'accepted' | 'refused'>;

export type ParameterName = keyof typeof CHAT_PARAMETERS;

/** Fields of a message that OpenAI knows and no route here can honour. */
export const REFUSED_MESSAGE_FIELDS: readonly string[] = [
  'audio',
  'function_call',
  'name',
  'refusal',
  'tool_call_id',
  'tool_calls',
];
