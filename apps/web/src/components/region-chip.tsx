import { useSignal } from '@preact/signals';
import { regionWords } from '../format/names.ts';
import { useSite } from '../site.ts';
import { Icon } from './icon.tsx';
import { RegionDialog } from './region-dialog.tsx';
import { regionReason } from './region-words.ts';

/** Where this tab is and why; opens the choice. */
export function RegionChip() {
  const { region } = useSite();
  const open = useSignal(false);
  const view = region.view.value;
  if (view === null) return null;
  const name = regionWords(view.region);
  const reason = regionReason(view);
  return (
    <>
      <button
        class="chip region-chip"
        data-testid="region-chip"
        data-region={view.region}
        data-source={view.source}
        aria-haspopup="dialog"
        aria-label={`Region: ${name}, ${reason}. Change`}
        onClick={() => (open.value = true)}
      >
        <Icon name="globe" size={18} />
        <span class="chip-words">{region.changing.value ? `Joining ${name}` : name}</span>
        <span class="region-reason" aria-hidden="true">
          · {reason}, <span class="region-change">change</span>
        </span>
      </button>
      {open.value && <RegionDialog view={view} onClose={() => (open.value = false)} />}
    </>
  );
}
