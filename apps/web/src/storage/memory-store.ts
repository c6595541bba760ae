import type { ConversationStore } from './conversation-store.ts';
import type { StoredConversation, StoredMessage } from './schema.ts';

/** Keeps conversations until the page is closed: for browsers that forbid storage. */
export function createMemoryStore(): ConversationStore {
  const conversations = new Map<string, StoredConversation>();
  const messages = new Map<string, StoredMessage>();
  const of = (conversationId: string) =>
    [...messages.values()]
      .filter((message) => message.conversationId === conversationId)
      .sort((a, b) => a.position - b.position);
  const truncate = (conversationId: string, position: number) => {
    for (const message of of(conversationId)) if (message.position >= position) messages.delete(message.id);
  };
  return {
    conversations: async () => [...conversations.values()].sort((a, b) => b.updatedMs - a.updatedMs),
    messages: async (conversationId) => of(conversationId),
    saveConversation: async (conversation) => void conversations.set(conversation.id, conversation),
    saveMessage: async (message) => void messages.set(message.id, message),
    truncate: async (conversationId, position) => truncate(conversationId, position),
    async remove(conversationId) {
      truncate(conversationId, 0);
      conversations.delete(conversationId);
    },
    close: () => undefined,
  };
}
