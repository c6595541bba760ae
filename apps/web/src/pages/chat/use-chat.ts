import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { createMemoryStore } from '../../storage/memory-store.ts';
import { openConversationStore } from '../../storage/conversation-store.ts';
import { createChatState } from '../../state/chat-state.ts';
import type { Site } from '../../site.ts';
import type { ChatState } from '../../state/chat-state.ts';

const CHANNEL = 'opengateway-conversations';
const states = new WeakMap<Site, ChatState>();

/** The chats of a site, made when the chat page is first opened; they outlive a visit to another page. */
export function chatOf(site: Site): ChatState {
  const known = states.get(site);
  if (known) return known;
  const channel = new BroadcastChannel(CHANNEL);
  const chat = createChatState({
    openStore: async () => {
      try {
        return { store: await openConversationStore(), lasting: true };
      } catch {
        // The browser forbids storage (a private window, a policy): chats live as long as the page.
        return { store: createMemoryStore(), lasting: false };
      }
    },
    sources: site.sources,
    now: () => Date.now(),
    newId: () => crypto.randomUUID(),
    newSeed: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    locks: navigator.locks,
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has no target origin
    publish: (conversationId) => channel.postMessage(conversationId),
    onKeyWanted: site.apiKey.ask,
  });
  channel.addEventListener('message', (event) => {
    if (typeof event.data === 'string') void chat.refresh(event.data);
  });
  states.set(site, chat);
  return chat;
}

export const ChatContext = createContext<ChatState | null>(null);

export function useChat(): ChatState {
  const chat = useContext(ChatContext);
  if (chat === null) throw new Error('A component is drawn outside of the chat page.');
  return chat;
}
