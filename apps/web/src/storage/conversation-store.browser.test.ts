import { deleteDB } from 'idb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openConversationStore } from './conversation-store.ts';
import { createMemoryStore } from './memory-store.ts';
import type { ConversationStore } from './conversation-store.ts';
import type { StoredConversation, StoredMessage } from './schema.ts';

const NAME = 'conversation-store-test';

const conversation = (id: string, updatedMs: number): StoredConversation => ({
  id,
  title: id,
  titled: false,
  createdMs: 1,
  updatedMs,
  model: 'tiny',
  options: { systemPrompt: '', temperature: 1, maxTokens: null },
});
const message = (conversationId: string, position: number, content = 'x'): StoredMessage => ({
  id: `${conversationId}-${position}`,
  conversationId,
  position,
  role: position % 2 === 0 ? 'user' : 'assistant',
  content,
  createdMs: 1,
  status: 'complete',
  seed: null,
  model: null,
  report: null,
  error: null,
});

const stores = {
  IndexedDB: () => openConversationStore(NAME),
  memory: async () => createMemoryStore(),
};

for (const [kind, open] of Object.entries(stores)) {
  describe(`conversation store in ${kind}`, () => {
    let store: ConversationStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(async () => {
      store.close();
      await deleteDB(NAME);
    });

    it('lists conversations, latest first', async () => {
      await store.saveConversation(conversation('a', 1));
      await store.saveConversation(conversation('b', 3));
      await store.saveConversation(conversation('c', 2));
      expect((await store.conversations()).map(({ id }) => id)).toEqual(['b', 'c', 'a']);
    });

    it('keeps the messages of each conversation apart and in order', async () => {
      for (const position of [2, 0, 10, 1]) await store.saveMessage(message('a', position));
      await store.saveMessage(message('b', 0));
      expect((await store.messages('a')).map(({ position }) => position)).toEqual([0, 1, 2, 10]);
    });

    it('overwrites a message that grows', async () => {
      await store.saveMessage(message('a', 1, 'half'));
      await store.saveMessage(message('a', 1, 'half and more'));
      expect((await store.messages('a')).map(({ content }) => content)).toEqual(['half and more']);
    });

    it('cuts a conversation from a position on', async () => {
      for (const position of [0, 1, 2, 3]) await store.saveMessage(message('a', position));
      await store.truncate('a', 2);
      expect((await store.messages('a')).map(({ position }) => position)).toEqual([0, 1]);
    });

    it('removes a conversation with its messages and nothing else', async () => {
      await store.saveConversation(conversation('a', 1));
      await store.saveConversation(conversation('b', 1));
      await store.saveMessage(message('a', 0));
      await store.saveMessage(message('b', 0));
      await store.remove('a');
      expect((await store.conversations()).map(({ id }) => id)).toEqual(['b']);
      expect(await store.messages('a')).toEqual([]);
      expect(await store.messages('b')).toHaveLength(1);
    });
  });
}

describe('conversation store over a reload', () => {
  it('gives back what another connection stored', async () => {
    const before = await openConversationStore(NAME);
    await before.saveConversation(conversation('a', 1));
    await before.saveMessage(message('a', 0, 'kept'));
    before.close();
    const after = await openConversationStore(NAME);
    expect((await after.messages('a'))[0]?.content).toBe('kept');
    after.close();
    await deleteDB(NAME);
  });
});
