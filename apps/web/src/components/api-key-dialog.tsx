import { useSignal } from '@preact/signals';
import { useSite } from '../site.ts';
import { Dialog } from './dialog.tsx';

/** Asks for the relay's API key after it refused a request for want of one. */
export function ApiKeyDialog() {
  const { apiKey } = useSite();
  const text = useSignal('');
  if (!apiKey.wanted.value) return null;
  return (
    <Dialog title="This relay asks for an API key" onClose={apiKey.dismiss}>
      <p>
        Its operator gives keys out. The key stays in this tab and is gone when you close it. After that, ask again or
        regenerate the answer.
      </p>
      <form
        class="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          apiKey.give(text.value);
        }}
      >
        <label class="field">
          <span>API key</span>
          <input
            class="input mono"
            type="password"
            autocomplete="off"
            required
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </label>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={apiKey.dismiss}>
            Cancel
          </button>
          <button class="button button-primary">Use this key</button>
        </div>
      </form>
    </Dialog>
  );
}
