import { openDB } from 'idb';
import { DATABASE_NAME, DATABASE_VERSION } from './schema.ts';
import type { ChatDatabase, StoredConversation, StoredMessage } from './schema.ts';

/** Conversations of this browser; nothing in it ever leaves the device by itself. */
export interface ConversationStore {
  /** Latest first. */
  conversations(): Promise<StoredConversation[]>;
  /** In order. */
  messages(conversationId: string): Promise<StoredMessage[]>;
  saveConversation(conversation: StoredConversation): Promise<void>;
  saveMessage(message: StoredMessage): Promise<void>;
  /** Removes the messages at `position` and after it. */
  truncate(conversationId: string, position: number): Promise<void>;
  remove(conversationId: string): Promise<void>;
  close(): void;
}

/** Opens (or creates) the store. @throws what IndexedDB throws where storage is forbidden or full. */
export async function openConversationStore(name: string = DATABASE_NAME): Promise<ConversationStore> {
  const database = await openDB<ChatDatabase>(name, DATABASE_VERSION, {
    upgrade(fresh) {
      fresh.createObjectStore('conversations', { keyPath: 'id' }).createIndex('by-updated', 'updatedMs');
      fresh
        .createObjectStore('messages', { keyPath: 'id' })
        .createIndex('by-conversation', ['conversationId', 'position']);
    },
    // A newer page in another tab wants to upgrade: let it.
    blocking: () => database.close(),
  });
  const removeMessages = async (conversationId: string, position: number) => {
    const transaction = database.transaction('messages', 'readwrite');
    const index = transaction.store.index('by-conversation');
    const keys = await index.getAllKeys(range(conversationId, position));
    await Promise.all(keys.map((key) => transaction.store.delete(key)));
    await transaction.done;
  };

  return {
    conversations: async () => (await database.getAllFromIndex('conversations', 'by-updated')).toReversed(),
    messages: (conversationId) => database.getAllFromIndex('messages', 'by-conversation', range(conversationId)),
    saveConversation: async (conversation) => void (await database.put('conversations', conversation)),
    saveMessage: async (message) => void (await database.put('messages', message)),
    truncate: removeMessages,
    async remove(conversationId) {
      await removeMessages(conversationId, 0);
      await database.delete('conversations', conversationId);
    },
    close: () => database.close(),
  };
}

const range = (conversationId: string, position = 0): IDBKeyRange =>
  IDBKeyRange.bound([conversationId, position], [conversationId, Number.MAX_SAFE_INTEGER]);
