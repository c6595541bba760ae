import { batch, computed, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { cleanTitle } from './transcript.ts';
import type { ConversationStore } from '../storage/conversation-store.ts';
import type { StoredConversation } from '../storage/schema.ts';

/** The conversations at the left, and which one is open. */
export interface ConversationList {
  readonly conversations: ReadonlySignal<readonly StoredConversation[]>;
  readonly current: ReadonlySignal<StoredConversation | null>;
  rename(conversationId: string, title: string): Promise<void>;
  remove(conversationId: string): Promise<void>;
}

interface ConversationListInternals extends ConversationList {
  reload(): Promise<void>;
  choose(conversationId: string | null): void;
  /** Stores and puts it where it belongs in the list; `open` also makes it the open one. */
  save(conversation: StoredConversation, options?: { open?: boolean }): Promise<StoredConversation>;
}

export function createConversationList(components: {
  store: () => ConversationStore;
  publish: (conversationId: string) => void;
}): ConversationListInternals {
  const { store, publish } = components;
  const conversations = signal<readonly StoredConversation[]>([]);
  const currentId = signal<string | null>(null);
  const find = (conversationId: string) => conversations.value.find(({ id }) => id === conversationId);

  const save: ConversationListInternals['save'] = async (conversation, { open = false } = {}) => {
    batch(() => {
      conversations.value = [conversation, ...conversations.value.filter(({ id }) => id !== conversation.id)].sort(
        (a, b) => b.updatedMs - a.updatedMs,
      );
      if (open) currentId.value = conversation.id;
    });
    await store().saveConversation(conversation);
    publish(conversation.id);
    return conversation;
  };

  return {
    conversations: computed(() => conversations.value),
    current: computed(() => conversations.value.find(({ id }) => id === currentId.value) ?? null),
    async reload() {
      conversations.value = await store().conversations();
    },
    choose(conversationId) {
      currentId.value = conversationId;
    },
    save,
    async rename(conversationId, title) {
      const conversation = find(conversationId);
      const cleaned = cleanTitle(title);
      if (conversation && cleaned !== null) await save({ ...conversation, title: cleaned, titled: true });
    },
    async remove(conversationId) {
      batch(() => {
        conversations.value = conversations.value.filter(({ id }) => id !== conversationId);
        if (currentId.value === conversationId) currentId.value = null;
      });
      await store().remove(conversationId);
      publish(conversationId);
    },
  };
}
