import { describe, expect, it } from 'vitest';
import { ChunkWriter, collectCompletion } from './chat-response.ts';
import type { CompletionEvent, TextLogprob } from '../completion/types.ts';
import type { ChoiceEvent } from './chat-response.ts';

const head = { id: 'chatcmpl-1', created: 5, model: 'tiny' };
const logprob: TextLogprob = { text: 'a', bytes: [97], logprob: -0.5, top: [{ text: 'b', bytes: [98], logprob: -1 }] };
const delta = (text: string, logprobs: readonly TextLogprob[] = []): CompletionEvent => ({
  type: 'text-delta',
  text,
  tokens: 1,
  logprobs,
});
const end = (completionTokens: number, reason: 'stop' | 'length' = 'stop'): CompletionEvent => ({
  type: 'end',
  reason,
  usage: { promptTokens: 3, completionTokens },
  timing: { queuedMs: 0, prefillMs: 0, decodeMs: 0 },
  failovers: 0,
  reports: [],
});

async function* events(...list: readonly ChoiceEvent[]): AsyncGenerator<ChoiceEvent> {
  yield* list;
}

describe('ChunkWriter', () => {
  it('writes role, deltas, finish and usage in the shapes OpenAI gives them', () => {
    const writer = new ChunkWriter(head, { includeUsage: true, logprobs: false });
    const chunk = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 5, model: 'tiny', usage: null };
    expect(writer.role(0)).toEqual({
      ...chunk,
      choices: [{ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }],
    });
    expect(writer.write({ choice: 0, event: delta('Hi') })).toEqual({
      ...chunk,
      choices: [{ index: 0, delta: { content: 'Hi' }, logprobs: null, finish_reason: null }],
    });
    expect(writer.write({ choice: 0, event: end(4, 'length') })).toEqual({
      ...chunk,
      choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: 'length' }],
    });
    expect(writer.usage()).toEqual({
      ...chunk,
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    });
  });

  it('says nothing of usage unless asked, and nothing for events that are not text', () => {
    const writer = new ChunkWriter(head, { includeUsage: false, logprobs: false });
    expect(writer.role(0)).not.toHaveProperty('usage');
    expect(writer.usage()).toBeUndefined();
    expect(
      writer.write({ choice: 0, event: { type: 'progress', state: 'prefill', done: 1, total: 2 } }),
    ).toBeUndefined();
    expect(writer.write({ choice: 0, event: delta('') })).toBeUndefined();
  });

  it('carries logprobs with their alternatives', () => {
    const writer = new ChunkWriter(head, { includeUsage: false, logprobs: true });
    expect(writer.write({ choice: 1, event: delta('a', [logprob]) })?.choices[0]?.logprobs).toEqual({
      content: [
        {
          token: 'a',
          bytes: [97],
          logprob: -0.5,
          top_logprobs: [{ token: 'b', bytes: [98], logprob: -1 }],
        },
      ],
      refusal: null,
    });
  });
});

describe('collectCompletion', () => {
  it('puts every choice together and counts the prompt once', async () => {
    const answer = await collectCompletion(
      events(
        { choice: 1, event: delta('B') },
        { choice: 0, event: delta('A') },
        { choice: 1, event: delta('b') },
        { choice: 0, event: end(1) },
        { choice: 1, event: end(2, 'length') },
      ),
      head,
      { choices: 2, logprobs: false },
    );
    expect(answer).toEqual({
      ...head,
      object: 'chat.completion',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'A', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
        {
          index: 1,
          message: { role: 'assistant', content: 'Bb', refusal: null },
          logprobs: null,
          finish_reason: 'length',
        },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
    });
  });
});
