import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { CopyButton } from '../../components/copy-button.tsx';
import { Icon } from '../../components/icon.tsx';
import { useChoice } from './choice.ts';
import { useChat } from './use-chat.ts';
import type { LiveMessage } from '../../state/answer-writer.ts';

/** What the person wrote; can be changed and sent again. */
export function Question({ live }: { live: LiveMessage }) {
  const chat = useChat();
  const choice = useChoice();
  const editing = useSignal(false);
  const { content, position } = live.message.value;
  if (editing.value) {
    return (
      <EditForm
        text={content}
        onDone={(text) => {
          editing.value = false;
          const chosen = choice.send();
          if (text !== null && chosen !== null) void chat.resend(position, text, chosen);
        }}
      />
    );
  }
  return (
    <article class="question" aria-label="You">
      <p>{content}</p>
      <div class="message-actions">
        <CopyButton text={() => content} label="Copy the question" />
        <button
          class="button button-quiet icon-button"
          aria-label="Edit and send again"
          title="Edit and send again"
          disabled={chat.answering.value}
          onClick={() => (editing.value = true)}
        >
          <Icon name="edit" size={18} />
        </button>
      </div>
    </article>
  );
}

function EditForm({ text, onDone }: { text: string; onDone: (text: string | null) => void }) {
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => input.current?.focus(), []);
  const submit = () => onDone(input.current?.value.trim() || null);
  return (
    <form
      class="question-edit"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onDone(null);
        if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          submit();
        }
      }}
    >
      <textarea class="input" ref={input} rows={3} aria-label="Your question" defaultValue={text} />
      <div class="row">
        <button class="button button-primary">Send again</button>
        <button type="button" class="button" onClick={() => onDone(null)}>
          Cancel
        </button>
        <span class="soft small">What came after it goes.</span>
      </div>
    </form>
  );
}
