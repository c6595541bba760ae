import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../../components/icon.tsx';
import { MAX_PROMPT_CHARS } from '../../constants.ts';
import { useSite } from '../../site.ts';
import { useChoice } from './choice.ts';
import { OptionsPanel } from './options-panel.tsx';
import { draft } from './draft.ts';
import { useChat } from './use-chat.ts';
import { WhereLine } from './where-line.tsx';

/** Where questions are written: Enter sends, Shift+Enter starts a new line. */
export function Composer() {
  const { relay, settings } = useSite();
  const chat = useChat();
  const choice = useChoice();
  const options = useSignal(false);
  const input = useRef<HTMLTextAreaElement>(null);
  const answering = chat.answering.value;
  const text = draft.value;
  const blocked = choice.send() === null || chat.phase.value !== 'ready';

  useEffect(() => {
    const box = input.current;
    if (!box) return;
    // Through the CSSOM, which a strict policy allows: the box grows with its text up to the style's limit.
    box.style.height = 'auto';
    box.style.height = `${box.scrollHeight + 2}px`;
  }, [text]);
  useEffect(() => {
    // On touch screens the keyboard would cover the page before anyone asked for it.
    if (matchMedia('(hover: hover)').matches) input.current?.focus();
  }, [chat.current.value?.id]);

  const submit = () => {
    const chosen = choice.send();
    const question = text.trim();
    if (chosen === null || question === '' || answering || chat.phase.value !== 'ready') return;
    draft.value = '';
    void chat.send(question, chosen);
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="composer-box">
        <textarea
          ref={input}
          data-testid="chat-input"
          aria-label="Your message"
          aria-describedby="where"
          placeholder="Write a message"
          rows={1}
          maxLength={MAX_PROMPT_CHARS}
          value={text}
          onInput={(event) => (draft.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            // An Enter that ends a composition of characters is not meant to send.
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            submit();
          }}
        />
        {answering ? (
          <button
            type="button"
            class="button icon-button"
            data-testid="chat-stop"
            aria-label="Stop the answer"
            title="Stop"
            // The second half of a double click on "Send" does not mean "Stop".
            onClick={(event) => event.detail <= 1 && chat.stop()}
          >
            <Icon name="stop" />
          </button>
        ) : (
          <button
            class="button button-primary icon-button"
            data-testid="chat-send"
            aria-label="Send"
            title="Send (Enter)"
            disabled={blocked || text.trim() === ''}
          >
            <Icon name="send" />
          </button>
        )}
      </div>
      <div class="composer-line">
        <label class="picker">
          <span class="visually-hidden">Model</span>
          <select
            class="picker-select"
            value={choice.entry.value?.id ?? ''}
            disabled={relay.bootstrap.value === null}
            onChange={(event) => {
              settings.model.value = event.currentTarget.value;
              void chat.setModel(event.currentTarget.value);
            }}
          >
            {relay.bootstrap.value === null && <option value="">Model</option>}
            {relay.bootstrap.value?.catalog.map((entry) => (
              <option key={entry.id} value={entry.id}>
                {entry.name}
              </option>
            ))}
          </select>
        </label>
        <p class="where small soft" id="where" aria-live="polite">
          <WhereLine choice={choice} onPlace={() => (options.value = true)} />
        </p>
        <button
          type="button"
          class="button button-quiet icon-button"
          aria-label="Options of this chat"
          title="Options"
          aria-expanded={options.value}
          onClick={() => (options.value = !options.value)}
        >
          <Icon name="tune" />
        </button>
      </div>
      {options.value && <OptionsPanel />}
    </form>
  );
}
