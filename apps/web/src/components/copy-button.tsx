import { useSignal } from '@preact/signals';
import { COPIED_MS } from '../constants.ts';
import { useSite } from '../site.ts';
import { Icon } from './icon.tsx';

/** Puts `text` on the clipboard; `label` names what is copied, for those who cannot see what it stands beside. */
export function CopyButton({ text, label, words = false }: { text: () => string; label: string; words?: boolean }) {
  const site = useSite();
  const copied = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      // The browser asks for permission in some frames and refuses it in others.
      site.announcement.value = 'The browser did not allow copying.';
      return;
    }
    copied.value = true;
    site.announcement.value = `${label}: copied`;
    setTimeout(() => {
      copied.value = false;
    }, COPIED_MS);
  };
  return (
    <button
      type="button"
      class={`button button-quiet ${words ? '' : 'icon-button'}`}
      aria-label={label}
      title={label}
      onClick={copy}
    >
      <Icon name={copied.value ? 'check' : 'copy'} size={18} />
      {words && (copied.value ? 'Copied' : 'Copy')}
    </button>
  );
}
