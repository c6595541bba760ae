import { PLACES } from '../../state/settings.ts';
import { useSite } from '../../site.ts';
import type { Place } from '../../state/settings.ts';

export const PLACE_NAMES: Readonly<Record<Place, string>> = {
  relay: 'Through the relay',
  direct: 'Direct',
  device: 'This device only',
};

const WHO_SEES: Readonly<Record<Place, string>> = {
  relay:
    'The relay finds peers and passes your question on. It and the peers that compute can read it; the peers do not learn your network address.',
  direct:
    'This tab finds peers and asks them itself, encrypted on the way. The peers that compute can read it and see your network address; the relay only introduces you to each other.',
  device: 'Nothing you write leaves this tab. It needs the whole model, loaded on the Contribute page.',
};

/** Where answers may be computed, each with who gets to see the question. */
export function PlaceChoice() {
  const { settings } = useSite();
  return (
    <fieldset class="places">
      <legend class="soft small">Where answers are computed</legend>
      {PLACES.map((place) => (
        <label class="place" key={place} data-selected={settings.place.value === place}>
          <input
            type="radio"
            name="place"
            value={place}
            checked={settings.place.value === place}
            onChange={() => (settings.place.value = place)}
          />
          <span>
            <strong>{PLACE_NAMES[place]}</strong>
            <span class="soft small">{WHO_SEES[place]}</span>
          </span>
        </label>
      ))}
      <p class="soft small">A tab that has loaded the whole model answers by itself, whatever you choose.</p>
    </fieldset>
  );
}
