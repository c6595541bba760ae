import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCode } from '../errors.ts';
import { parseChatRequest } from './chat-request.ts';
import { toHttpFailure } from './error-body.ts';
import { CHAT_PARAMETERS } from './parameters.ts';

const options = { randomSeed: () => 7 };
const minimal = { model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] };
const parse = (extra: Record<string, unknown> = {}) => parseChatRequest({ ...minimal, ...extra }, options);
const seeds = (n: number) => parse({ seed: 10, n }).completions.map(({ sampling }) => sampling.seed);

function refusal(body: unknown): { code: string | null; param: string | null; status: number; message: string } {
  try {
    parseChatRequest(body, options);
  } catch (error) {
    const failure = toHttpFailure(error);
    return { ...failure.body.error, status: failure.status };
  }
  throw new Error('the request was accepted');
}

describe('parseChatRequest', () => {
  it('fills in the defaults of a request that names only a model and a message', () => {
    expect(parse()).toEqual({
      model: 'tiny',
      completions: [
        {
          model: 'tiny',
          messages: [{ role: 'user', content: 'Hi' }],
          sampling: {
            temperature: 1,
            topP: 1,
            topK: 0,
            minP: 0,
            frequencyPenalty: 0,
            presencePenalty: 0,
            repetitionPenalty: 1,
            logitBias: [],
            seed: 7,
            topLogprobs: null,
          },
          stop: [],
        },
      ],
      stream: false,
      includeUsage: false,
      logprobs: false,
    });
  });

  it('passes every sampling parameter on', () => {
    const { completions, logprobs } = parse({
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.05,
      frequency_penalty: -1,
      presence_penalty: 2,
      repetition_penalty: 1.1,
      logit_bias: { '15': -100, '20': 3 },
      logprobs: true,
      top_logprobs: 5,
      seed: 42,
    });
    expect(logprobs).toBe(true);
    expect(completions[0]?.sampling).toEqual({
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      minP: 0.05,
      frequencyPenalty: -1,
      presencePenalty: 2,
      repetitionPenalty: 1.1,
      logitBias: [
        [15, -100],
        [20, 3],
      ],
      topLogprobs: 5,
      seed: 42,
    });
  });

  it('makes one completion per choice, each with its own seed', () => {
    expect(seeds(3)[0]).toBe(10);
    expect(new Set(seeds(3)).size).toBe(3);
    expect(seeds(3)).toEqual(seeds(3));
  });

  it('joins text parts and takes a stop string or a list of them', () => {
    const messages = [
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'Be ' },
          { type: 'text', text: 'brief.' },
        ],
      },
      { role: 'assistant', content: 'Yes.', refusal: null, annotations: [], tool_calls: null },
    ];
    const request = parse({ messages, stop: '\n' });
    expect(request.completions[0]?.messages).toEqual([
      { role: 'developer', content: 'Be brief.' },
      { role: 'assistant', content: 'Yes.' },
    ]);
    expect(request.completions[0]?.stop).toEqual(['\n']);
    expect(parse({ stop: ['a', 'b'] }).completions[0]?.stop).toEqual(['a', 'b']);
  });

  it('treats null as absent, even for parameters it does not support', () => {
    const nulls = Object.fromEntries(
      Object.keys(CHAT_PARAMETERS)
        .filter((name) => name !== 'model' && name !== 'messages')
        .map((name) => [name, null]),
    );
    expect(parse(nulls)).toEqual(parse());
  });

  it('takes both names of the token limit, as long as they agree', () => {
    expect(parse({ max_tokens: 5 }).completions[0]?.maxTokens).toBe(5);
    expect(parse({ max_completion_tokens: 6, max_tokens: 6 }).completions[0]?.maxTokens).toBe(6);
    expect(refusal({ ...minimal, max_tokens: 5, max_completion_tokens: 6 })).toMatchObject({
      code: 'invalid_value',
      param: 'max_tokens',
    });
  });

  it('accepts labels and hints that never change an answer', () => {
    const labels = {
      user: 'someone',
      metadata: { run: '1' },
      store: false,
      service_tier: 'auto',
      response_format: { type: 'text' },
      safety_identifier: 'a',
      prompt_cache_key: 'b',
    };
    expect(parse(labels)).toEqual(parse());
  });

  it('folds 64-bit and negative seeds into 32 bits', () => {
    expect(parse({ seed: -1 }).completions[0]?.sampling.seed).toBe(2 ** 32 - 1);
    expect(parse({ seed: 2 ** 40 + 5 }).completions[0]?.sampling.seed).toBe(5);
  });

  it.each(
    Object.entries(CHAT_PARAMETERS)
      .filter(([, status]) => status === 'refused')
      .map(([name]) => name),
  )('refuses %s by name', (name) => {
    expect(refusal({ ...minimal, [name]: [] })).toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
      param: name,
    });
  });

  it.each([
    [{ ...minimal, temprature: 1 }, 'unknown_parameter', 'temprature'],
    [{ ...minimal, ['__proto__x']: 1 }, 'unknown_parameter', '__proto__x'],
    [JSON.parse('{"model":"tiny","messages":[],"__proto__":{}}'), 'unknown_parameter', '__proto__'],
    [{ messages: minimal.messages }, 'missing_required_parameter', 'model'],
    [{ model: 'tiny' }, 'missing_required_parameter', 'messages'],
    [{ ...minimal, model: 5 }, 'invalid_type', 'model'],
    [{ ...minimal, model: 'No Such/Model' }, 'model_not_found', 'model'],
    [{ ...minimal, messages: [] }, 'invalid_value', 'messages'],
    [{ ...minimal, messages: 'Hi' }, 'invalid_type', 'messages'],
    [{ ...minimal, messages: ['Hi'] }, 'invalid_type', 'messages[0]'],
    [{ ...minimal, messages: [{ role: 'user' }] }, 'missing_required_parameter', 'messages[0].content'],
    [{ ...minimal, messages: [{ role: 'user', content: 5 }] }, 'invalid_type', 'messages[0].content'],
    [{ ...minimal, messages: [{ role: 'user', content: null }] }, 'invalid_type', 'messages[0].content'],
    [{ ...minimal, messages: [{ role: 'user', content: [] }] }, 'invalid_value', 'messages[0].content'],
    [{ ...minimal, messages: [{ role: 'user', content: ['a'] }] }, 'invalid_type', 'messages[0].content[0]'],
    [{ ...minimal, messages: [{ role: 'robot', content: 'a' }] }, 'invalid_value', 'messages[0].role'],
    [{ ...minimal, messages: [{ role: 'tool', content: 'a' }] }, 'unsupported_value', 'messages[0].role'],
    [
      { ...minimal, messages: [{ role: 'user', content: 'a', name: 'Ann' }] },
      'unsupported_parameter',
      'messages[0].name',
    ],
    [{ ...minimal, messages: [{ role: 'user', content: 'a', x: 1 }] }, 'unknown_parameter', 'messages[0].x'],
    [
      { ...minimal, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
      'unsupported_value',
      'messages[0].content[0].type',
    ],
    [{ ...minimal, stream: 'yes' }, 'invalid_type', 'stream'],
    [{ ...minimal, stream_options: { include_usage: true } }, 'invalid_value', 'stream_options'],
    [{ ...minimal, stream: true, stream_options: { include_x: 1 } }, 'unknown_parameter', 'stream_options.include_x'],
    [{ ...minimal, temperature: 2.1 }, 'invalid_value', 'temperature'],
    [{ ...minimal, temperature: '1' }, 'invalid_type', 'temperature'],
    [{ ...minimal, temperature: Number.POSITIVE_INFINITY }, 'invalid_type', 'temperature'],
    [{ ...minimal, top_p: -0.1 }, 'invalid_value', 'top_p'],
    [{ ...minimal, top_k: 1.5 }, 'invalid_type', 'top_k'],
    [{ ...minimal, min_p: 2 }, 'invalid_value', 'min_p'],
    [{ ...minimal, frequency_penalty: 3 }, 'invalid_value', 'frequency_penalty'],
    [{ ...minimal, presence_penalty: -3 }, 'invalid_value', 'presence_penalty'],
    [{ ...minimal, repetition_penalty: 0 }, 'invalid_value', 'repetition_penalty'],
    [{ ...minimal, repetition_penalty: 1e-308 }, 'invalid_value', 'repetition_penalty'],
    [{ ...minimal, repetition_penalty: 101 }, 'invalid_value', 'repetition_penalty'],
    [{ ...minimal, logit_bias: { '5': 101 } }, 'invalid_value', 'logit_bias.5'],
    [{ ...minimal, logit_bias: { five: 1 } }, 'invalid_value', 'logit_bias.five'],
    [{ ...minimal, logit_bias: [] }, 'invalid_type', 'logit_bias'],
    [{ ...minimal, logprobs: 1 }, 'invalid_type', 'logprobs'],
    [{ ...minimal, logprobs: true, top_logprobs: 21 }, 'invalid_value', 'top_logprobs'],
    [{ ...minimal, top_logprobs: 2 }, 'invalid_value', 'top_logprobs'],
    [{ ...minimal, max_tokens: 0 }, 'invalid_value', 'max_tokens'],
    [{ ...minimal, max_completion_tokens: '5' }, 'invalid_type', 'max_completion_tokens'],
    [{ ...minimal, stop: ['a', 'b', 'c', 'd', 'e'] }, 'invalid_value', 'stop'],
    [{ ...minimal, stop: [''] }, 'invalid_value', 'stop[0]'],
    [{ ...minimal, stop: 5 }, 'invalid_type', 'stop'],
    [{ ...minimal, seed: 1.5 }, 'invalid_type', 'seed'],
    [{ ...minimal, n: 9 }, 'invalid_value', 'n'],
    [{ ...minimal, n: 0 }, 'invalid_value', 'n'],
    [{ ...minimal, response_format: { type: 'json_object' } }, 'unsupported_value', 'response_format'],
    [{ ...minimal, response_format: { type: 'xml' } }, 'invalid_value', 'response_format.type'],
    [{ ...minimal, store: true }, 'unsupported_value', 'store'],
    [{ ...minimal, service_tier: 'flex' }, 'unsupported_value', 'service_tier'],
    [{ ...minimal, metadata: { a: 1 } }, 'invalid_type', 'metadata.a'],
    [[], 'invalid_type', null],
    ['text', 'invalid_type', null],
    [null, 'invalid_type', null],
  ])('refuses %j with %s at %s', (body, code, param) => {
    expect(refusal(body)).toMatchObject({ code, param });
  });

  it('says in words what a value should have been', () => {
    expect(refusal({ ...minimal, temperature: 3 }).message).toBe("'temperature' must be at most 2.");
    for (const content of [null, 5, {}]) {
      expect(refusal({ ...minimal, messages: [{ role: 'user', content }] }).message).toBe(
        "'messages[0].content' must be a string or an array of text parts.",
      );
    }
    expect(refusal({ ...minimal, stop: 5 }).message).toBe("'stop' must be a string or an array of at most 4 strings.");
    expect(refusal({ ...minimal, stop: [1] }).message).toBe("'stop[0]' must be a string.");
    expect(refusal({ ...minimal, messages: [] }).message).toBe("'messages' must have at least 1 entries.");
  });

  it('never fails with anything but a typed 4xx, whatever the body', () => {
    const parameter = fc.constantFrom<string>(...Object.keys(CHAT_PARAMETERS), 'other');
    const message = fc.record(
      { role: fc.oneof(fc.constant('user'), fc.jsonValue()), content: fc.jsonValue(), extra: fc.jsonValue() },
      { requiredKeys: [] },
    );
    const body = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(parameter, fc.jsonValue()),
      fc
        .tuple(fc.dictionary(parameter, fc.jsonValue()), fc.array(fc.oneof(message, fc.jsonValue())))
        .map(([extra, messages]) => Object.assign(extra, { model: 'tiny', messages })),
    );
    fc.assert(
      fc.property(body, (value) => {
        try {
          parseChatRequest(value, options);
        } catch (error) {
          expect(errorCode(error)).toBeDefined();
          expect(toHttpFailure(error).status).toBeLessThan(500);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
