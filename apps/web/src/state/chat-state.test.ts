import { beforeEach, describe, expect, it } from 'vitest';
import { settle } from '@opengateway/core/testing';
import { AnswerCutError, ApiError } from '../api/errors.ts';
import { ANSWER_LOCK_PREFIX } from '../constants.ts';
import { createMemoryStore } from '../storage/memory-store.ts';
import { createChatState } from './chat-state.ts';
import type { AnswerEvent, AnswerRequest } from '../api/answer-events.ts';
import type { ConversationStore } from '../storage/conversation-store.ts';

type Script = (request: AnswerRequest, signal: AbortSignal) => AsyncIterable<AnswerEvent>;

const choice = { model: 'tiny', place: 'relay' as const };
const end: AnswerEvent = { type: 'end', reason: 'stop', promptTokens: 5, completionTokens: 2, failovers: 0 };
const say = (text: string): AnswerEvent => ({ type: 'text-delta', text });

/** Answers with the given pieces. */
const saying = (...pieces: string[]): Script =>
  async function* answer() {
    for (const piece of pieces) yield say(piece);
    yield end;
  };
/** Says something, then nothing until it is aborted. */
const hanging: Script = async function* answer(_, signal) {
  yield say('half an ans');
  await new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
};
/** Says something, then fails. */
const failing = (error: Error): Script =>
  async function* answer() {
    yield say('half');
    throw error;
  };

let store: ConversationStore;
let held: Set<string>;
beforeEach(() => {
  store = createMemoryStore();
  held = new Set();
});

async function openChat(script: { next: Script }) {
  const requests: AnswerRequest[] = [];
  let id = 0;
  let time = 0;
  let keyAsked = 0;
  const chat = createChatState({
    openStore: async () => ({ store, lasting: true }),
    sources: {
      choose: () => ({
        by: 'network',
        answer: (request, signal) => {
          requests.push(request);
          return script.next(request, signal);
        },
      }),
    },
    now: () => (time += 1000),
    newId: () => `id-${(id += 1)}-${Math.random()}`,
    newSeed: () => 42 + requests.length,
    locks: {
      request: (async (name: string, callback: () => Promise<void>) => {
        held.add(name);
        await callback();
        held.delete(name);
      }) as unknown as LockManager['request'],
      query: async () => ({ held: [...held].map((name) => ({ name })), pending: [] }),
    },
    publish: () => undefined,
    onKeyWanted: () => (keyAsked += 1),
  });
  await chat.open();
  const contents = () => chat.messages.value.map(({ message }) => `${message.value.role}: ${message.value.content}`);
  const last = () => chat.messages.value.at(-1)?.message.value;
  return { chat, requests, contents, last, keyAsked: () => keyAsked };
}

describe('chat state', () => {
  it('keeps a question and its answer, with who made it', async () => {
    const { chat, contents, last, requests } = await openChat({ next: saying('Hel', 'lo') });
    await chat.send('Say hello', choice);
    expect(contents()).toEqual(['user: Say hello', 'assistant: Hello']);
    expect(last()).toMatchObject({ status: 'complete', report: { completionTokens: 2, failovers: 0, reason: 'stop' } });
    expect(requests[0]?.messages).toEqual([{ role: 'user', content: 'Say hello' }]);
    expect(chat.current.value?.title).toBe('Say hello');
    expect((await store.messages(chat.current.value?.id ?? '')).map(({ content }) => content)).toEqual([
      'Say hello',
      'Hello',
    ]);
  });

  it('sends the conversation so far and its instructions', async () => {
    const { chat, requests } = await openChat({ next: saying('ok') });
    await chat.setOptions({ systemPrompt: 'Be brief.', temperature: 0, maxTokens: 9 });
    await chat.send('One', choice);
    await chat.send('Two', choice);
    expect(requests[1]).toMatchObject({ temperature: 0, maxTokens: 9 });
    expect(requests[1]?.messages.map(({ role, content }) => `${role}: ${content}`)).toEqual([
      'system: Be brief.',
      'user: One',
      'assistant: ok',
      'user: Two',
    ]);
  });

  it('stops on demand and keeps what came', async () => {
    const { chat, last } = await openChat({ next: hanging });
    const sent = chat.send('Go on', choice);
    await settle();
    expect(chat.answering.value).toBe(true);
    chat.stop();
    await sent;
    expect(chat.answering.value).toBe(false);
    expect(last()).toMatchObject({ status: 'stopped', content: 'half an ans' });
  });

  it('keeps a failed answer with its reason', async () => {
    const { chat, last, keyAsked } = await openChat({ next: failing(new AnswerCutError()) });
    await chat.send('Go on', choice);
    expect(last()).toMatchObject({ status: 'failed', content: 'half', error: { code: 'answer_cut' } });
    expect(keyAsked()).toBe(0);
  });

  it('asks for a key where the relay wants one', async () => {
    const { chat, keyAsked } = await openChat({ next: failing(new ApiError(401, 'invalid_api_key', 'no')) });
    await chat.send('Hi', choice);
    expect(keyAsked()).toBe(1);
  });

  it('regenerates with another seed and drops what came after', async () => {
    const script = { next: saying('first') };
    const { chat, contents, requests } = await openChat(script);
    await chat.send('A', choice);
    await chat.send('B', choice);
    script.next = saying('second');
    await chat.regenerate(1, choice);
    expect(contents()).toEqual(['user: A', 'assistant: second']);
    expect(requests[2]?.seed).not.toBe(requests[0]?.seed);
    expect(requests[2]?.messages).toEqual([{ role: 'user', content: 'A' }]);
  });

  it('edits a question and sends it again', async () => {
    const { chat, contents } = await openChat({ next: saying('ok') });
    await chat.send('A', choice);
    await chat.send('B', choice);
    await chat.resend(0, 'A, corrected', choice);
    expect(contents()).toEqual(['user: A, corrected', 'assistant: ok']);
    expect(chat.current.value?.title).toBe('A, corrected');
  });

  it('finds a half-finished answer after a reload, interrupted', async () => {
    const before = await openChat({ next: hanging });
    void before.chat.send('Go on', choice);
    await settle();
    const id = before.chat.current.value?.id ?? '';
    held.clear();
    const after = await openChat({ next: saying('') });
    await after.chat.select(id);
    expect(after.last()).toMatchObject({ status: 'interrupted' });
    expect(after.contents()[0]).toBe('user: Go on');
  });

  it('leaves an answer alone that another tab is writing', async () => {
    const before = await openChat({ next: hanging });
    void before.chat.send('Go on', choice);
    await settle();
    expect([...held].every((name) => name.startsWith(ANSWER_LOCK_PREFIX))).toBe(true);
    const after = await openChat({ next: saying('') });
    await after.chat.select(before.chat.current.value?.id ?? null);
    expect(after.last()?.status).toBe('streaming');
  });

  it('continues an interrupted answer with its own seed and never shows less than before', async () => {
    const script: { next: Script } = { next: failing(new AnswerCutError()) };
    const { chat, last, requests } = await openChat(script);
    await chat.send('Go on', choice);
    const shown: string[] = [];
    const leave = chat.messages.value.at(-1)?.message.subscribe(({ content }) => shown.push(content));
    script.next = saying('ha', 'lf and', ' whole');
    await chat.resume(1, choice);
    leave?.();
    expect(requests[1]?.seed).toBe(requests[0]?.seed);
    expect(last()).toMatchObject({ status: 'complete', content: 'half and whole', error: null });
    expect(shown.every((content) => content.startsWith('half'))).toBe(true);
  });

  it('keeps an answer growing while another chat is looked at', async () => {
    const { chat, last } = await openChat({ next: hanging });
    const sent = chat.send('First', choice);
    await settle();
    const id = chat.current.value?.id ?? null;
    await chat.select(null);
    expect([chat.messages.value.length, chat.answering.value]).toEqual([0, false]);
    await chat.select(id);
    expect([last()?.content, chat.answering.value]).toEqual(['half an ans', true]);
    chat.stop();
    await sent;
  });

  it('renames and removes', async () => {
    const { chat } = await openChat({ next: saying('ok') });
    await chat.send('A', choice);
    const id = chat.current.value?.id ?? '';
    await chat.rename(id, '  New   name ');
    expect(chat.current.value?.title).toBe('New name');
    await chat.rename(id, '   ');
    expect(chat.current.value?.title).toBe('New name');
    await chat.remove(id);
    expect([chat.conversations.value.length, chat.current.value]).toEqual([0, null]);
    expect(await store.messages(id)).toEqual([]);
  });
});
