import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { RELAYS_REFRESH_MS } from '../constants.ts';
import { regionWords } from '../format/names.ts';
import { isOn } from '../state/is-on.ts';
import { useSite } from '../site.ts';
import { Dialog } from './dialog.tsx';
import { addressWords, changeWords, regionReason, relaysWords } from './region-words.ts';
import type { Region } from '@opengateway/core';
import type { RegionView } from '../state/region-state.ts';

/** The region by address, the one in use, and the way to another. */
export function RegionDialog({ view, onClose }: { view: RegionView; onClose: () => void }) {
  const site = useSite();
  const { region, relay, settings, contribute } = site;
  const chosen = useSignal<Region | null>(settings.region.value);
  const wanted = chosen.value ?? view.unchosen;
  const moves = wanted !== view.region;
  useEffect(() => {
    void relay.refresh();
    const timer = setInterval(() => void relay.refresh(), RELAYS_REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const apply = () => {
    onClose();
    if (moves) site.announcement.value = `Joining ${regionWords(wanted)}`;
    void region.change(chosen.value);
  };
  return (
    <Dialog title="Your region" onClose={onClose}>
      <dl class="pairs">
        <dt>By your address</dt>
        <dd>{addressWords(view)}</dd>
        <dt>In use</dt>
        <dd>
          {regionWords(view.region)}, {regionReason(view)}
        </dd>
        <dt>This relay</dt>
        <dd>{regionWords(view.ofRelay)}: its /v1 answers for no other region</dd>
      </dl>
      <form
        class="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          apply();
        }}
      >
        <fieldset class="regions">
          <legend class="soft small">Region to join</legend>
          <Option
            checked={chosen.value === null}
            name={view.byAddress === view.unchosen ? 'By your address' : 'As this relay'}
            note={regionWords(view.unchosen)}
            onChoose={() => (chosen.value = null)}
          />
          {region.options.value.map(({ region: name, relays, joinable }) => (
            <Option
              key={name}
              value={name}
              checked={chosen.value === name}
              disabled={!joinable && chosen.value !== name}
              name={regionWords(name)}
              note={relaysWords(relays, joinable)}
              onChoose={() => (chosen.value = name)}
            />
          ))}
        </fieldset>
        <p class="small" role="status">
          {moves
            ? changeWords(view.region, wanted, isOn(contribute.snapshot.value))
            : 'The choice is kept in this browser. Your address is not.'}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button class="button button-primary" data-testid="region-apply" disabled={region.changing.value}>
            {moves ? `Join ${regionWords(wanted)}` : 'Keep'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Option(props: {
  value?: Region;
  checked: boolean;
  disabled?: boolean;
  name: string;
  note: string;
  onChoose: () => void;
}) {
  const { value = 'none', checked, disabled = false, name, note, onChoose } = props;
  return (
    <label class="region" data-disabled={disabled}>
      <input
        type="radio"
        name="region"
        value={value}
        checked={checked}
        disabled={disabled}
        data-testid={`region-${value}`}
        onChange={onChoose}
      />
      <span>{name}</span>
      <span class="soft small">{note}</span>
    </label>
  );
}
