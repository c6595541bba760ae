import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ConfirmDialog } from '../../components/dialog.tsx';
import { Icon } from '../../components/icon.tsx';
import { useNow } from '../../components/use-now.ts';
import { formatAgo } from '../../format/time.ts';
import { downloadConversation } from './download.ts';
import { useChat } from './use-chat.ts';
import type { StoredConversation } from '../../storage/schema.ts';

/** All conversations of this browser; a drawer on narrow screens. */
export function Sidebar({ open, onClose }: { open: boolean; onClose: () => void }) {
  const chat = useChat();
  const now = useNow(30_000);
  const menuOf = useSignal<string | null>(null);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    if (open) panel.current?.querySelector<HTMLElement>('a, button')?.focus();
  }, [open]);
  const list = chat.conversations.value;

  return (
    <>
      <div class="chat-shade" onClick={onClose} />
      <nav
        class="chat-sidebar"
        aria-label="Conversations"
        ref={panel}
        onKeyDown={(event) => {
          if (event.key === 'Escape') onClose();
        }}
      >
        <div class="row chat-sidebar-head">
          <a class="button" href="/chat" onClick={onClose}>
            <Icon name="plus" size={18} /> New chat
          </a>
          <button class="button button-quiet icon-button drawer-only" aria-label="Close the list" onClick={onClose}>
            <Icon name="close" />
          </button>
        </div>
        {chat.phase.value === 'opening' && <p class="soft small chat-sidebar-note">Reading this browser’s store</p>}
        {chat.phase.value === 'ready' && list.length === 0 && (
          <p class="soft small chat-sidebar-note">No chats yet. They are kept in this browser only.</p>
        )}
        <ul role="list">
          {list.map((conversation) => (
            <Row
              key={conversation.id}
              conversation={conversation}
              when={formatAgo(conversation.updatedMs, now)}
              open={menuOf.value === conversation.id}
              onToggle={() => (menuOf.value = menuOf.value === conversation.id ? null : conversation.id)}
              onChosen={onClose}
            />
          ))}
        </ul>
      </nav>
    </>
  );
}

function Row(props: {
  conversation: StoredConversation;
  when: string;
  open: boolean;
  onToggle: () => void;
  onChosen: () => void;
}) {
  const { conversation, when, open, onToggle, onChosen } = props;
  const chat = useChat();
  const mode = useSignal<'none' | 'rename' | 'delete'>('none');
  const current = chat.current.value?.id === conversation.id;
  return (
    <li class="chat-row" data-current={current}>
      <div class="chat-row-line">
        <a href={`/chat?c=${conversation.id}`} aria-current={current ? 'true' : undefined} onClick={onChosen}>
          <span class="chat-row-title">{conversation.title}</span>
          <span class="soft small">{when}</span>
        </a>
        <button
          class="button button-quiet icon-button"
          aria-label={`Actions for ${conversation.title}`}
          aria-expanded={open}
          onClick={onToggle}
        >
          <Icon name="more" />
        </button>
      </div>
      {open && mode.value !== 'rename' && (
        <div class="chat-row-actions">
          <button class="button button-quiet" onClick={() => (mode.value = 'rename')}>
            Rename
          </button>
          <button class="button button-quiet" onClick={() => void downloadConversation(conversation)}>
            Export
          </button>
          <button class="button button-quiet" onClick={() => (mode.value = 'delete')}>
            Delete
          </button>
        </div>
      )}
      {open && mode.value === 'rename' && (
        <RenameForm
          title={conversation.title}
          onDone={(title) => {
            mode.value = 'none';
            onToggle();
            if (title !== null) void chat.rename(conversation.id, title);
          }}
        />
      )}
      {mode.value === 'delete' && (
        <ConfirmDialog
          title="Delete this chat?"
          text={`“${conversation.title}” is removed from this browser. It is kept nowhere else.`}
          action="Delete"
          onConfirm={() => void chat.remove(conversation.id)}
          onClose={() => (mode.value = 'none')}
        />
      )}
    </li>
  );
}

function RenameForm({ title, onDone }: { title: string; onDone: (title: string | null) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.select(), []);
  return (
    <form
      class="chat-row-actions"
      onSubmit={(event) => {
        event.preventDefault();
        onDone(input.current?.value ?? null);
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        onDone(null);
      }}
    >
      <input class="input" ref={input} aria-label="New title" defaultValue={title} />
      <button class="button">Save</button>
    </form>
  );
}
