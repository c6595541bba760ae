import { MEGABIT_BYTES } from '../../format/numbers.ts';
import { useSite } from '../../site.ts';

const CHOICES_MEGABITS = [1, 2, 5, 10, 20, 50, 100, 500];

/** Whether weights are given to other peers, and how fast at most. */
export function UploadLimit() {
  const { settings } = useSite();
  const gives = settings.givesWeights.value;
  const limit = settings.uploadBytesPerSecond.value / MEGABIT_BYTES;
  const choices = CHOICES_MEGABITS.includes(limit) ? CHOICES_MEGABITS : [...CHOICES_MEGABITS, limit];
  return (
    <div class="limits">
      <label class="switch small">
        <input
          type="checkbox"
          role="switch"
          data-testid="gives-weights"
          checked={gives}
          onChange={(event) => (settings.givesWeights.value = event.currentTarget.checked)}
        />
        <span>
          Give weights to other peers{' '}
          <span class="soft">{gives ? 'so that nobody waits for a server' : 'off: nothing is given'}</span>
        </span>
      </label>
      {gives && (
        <label class="field">
          <span>Upload, all peers together, at most</span>
          <select
            class="select"
            data-testid="upload-limit"
            value={limit}
            onChange={(event) =>
              (settings.uploadBytesPerSecond.value = Number(event.currentTarget.value) * MEGABIT_BYTES)
            }
          >
            {choices
              .toSorted((a, b) => a - b)
              .map((megabits) => (
                <option key={megabits} value={megabits}>
                  {Math.round(megabits)} Mbit/s
                </option>
              ))}
          </select>
        </label>
      )}
    </div>
  );
}
