import { formatBytes } from '../../format/numbers.ts';
import type { Signal } from '@preact/signals';

/** A choice of bytes, with a word for none. */
export function Amount(props: {
  label: string;
  chosen: Signal<number | null>;
  choices: readonly number[];
  none: string;
  testid?: string;
}) {
  const { label, chosen, choices, none, testid } = props;
  return (
    <label class="field">
      <span>{label}</span>
      <select
        class="select"
        data-testid={testid}
        value={chosen.value ?? ''}
        onChange={(event) => (chosen.value = numberOrNull(event.currentTarget.value))}
      >
        <option value="">{none}</option>
        {choices.map((bytes) => (
          <option key={bytes} value={bytes}>
            {formatBytes(bytes)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The empty choice is none. */
export const numberOrNull = (text: string): number | null => (text === '' ? null : Number(text));
