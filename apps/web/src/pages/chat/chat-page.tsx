import './chat.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Icon } from '../../components/icon.tsx';
import { Notice } from '../../components/notice.tsx';
import { useJoin } from '../../components/use-join.ts';
import { useSite } from '../../site.ts';
import { Composer } from './composer.tsx';
import { Sidebar } from './sidebar.tsx';
import { Thread } from './thread.tsx';
import { ChatContext, chatOf } from './use-chat.ts';

const hrefOf = (conversationId: string) => `/chat?c=${encodeURIComponent(conversationId)}`;

/** Conversations at the left, one of them in the middle, the composer below it. */
export function ChatPage() {
  const site = useSite();
  const chat = chatOf(site);
  const drawer = useSignal(false);
  const wanted = site.router.location.value.query.get('c');
  const ready = chat.phase.value === 'ready';
  const currentId = chat.current.value?.id ?? null;
  useJoin();

  useEffect(() => {
    void chat.open();
    // Back from another page of the site: the chat that was open still is.
    if (wanted === null && chat.current.peek()) {
      site.router.navigate(hrefOf(chat.current.peek()?.id ?? ''), { replace: true });
    }
  }, []);
  useEffect(() => {
    if (ready && wanted !== (chat.current.peek()?.id ?? null)) void chat.select(wanted);
    drawer.value = false;
  }, [ready, wanted]);
  useEffect(() => {
    if (currentId !== null && currentId !== wanted) site.router.navigate(hrefOf(currentId), { replace: true });
  }, [currentId]);

  return (
    <ChatContext.Provider value={chat}>
      <div class="chat" data-drawer={drawer.value ? 'open' : 'closed'}>
        <h1 class="visually-hidden">Chat</h1>
        <Sidebar onClose={() => (drawer.value = false)} open={drawer.value} />
        <section class="chat-main" aria-label="Conversation">
          <div class="chat-bar">
            <button
              class="button button-quiet icon-button"
              aria-label="Conversations"
              aria-expanded={drawer.value}
              onClick={() => (drawer.value = true)}
            >
              <Icon name="menu" />
            </button>
            <span class="chat-title">{chat.current.value?.title ?? 'New chat'}</span>
            <a class="button button-quiet icon-button" href="/chat" aria-label="New chat">
              <Icon name="plus" />
            </a>
          </div>
          {!chat.lasting.value && (
            <Notice tone="warning">
              This browser does not let the page store anything: chats are gone when you leave.
            </Notice>
          )}
          <Thread />
          <Composer />
        </section>
      </div>
    </ChatContext.Provider>
  );
}
