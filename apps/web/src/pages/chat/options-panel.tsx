import { PlaceChoice } from './place-choice.tsx';
import { useChat } from './use-chat.ts';
import type { ConversationOptions } from '../../storage/schema.ts';

const MAX_TEMPERATURE = 2;

/** What can be set for a chat: who may compute it, and how it is answered. */
export function OptionsPanel() {
  const chat = useChat();
  const options = chat.options.value;
  const set = (change: Partial<ConversationOptions>) => void chat.setOptions({ ...options, ...change });
  return (
    <fieldset class="options">
      <legend class="visually-hidden">Options of this chat</legend>
      <PlaceChoice />
      <div class="options-grid">
        <label class="field">
          <span>Temperature: {options.temperature.toFixed(1)} (0 always takes the likeliest word)</span>
          <input
            type="range"
            class="range"
            min={0}
            max={MAX_TEMPERATURE}
            step={0.1}
            value={options.temperature}
            onChange={(event) => set({ temperature: Number(event.currentTarget.value) })}
          />
        </label>
        <label class="field">
          <span>Longest answer, in tokens (empty: as long as fits)</span>
          <input
            class="input"
            type="number"
            inputMode="numeric"
            min={1}
            step={1}
            value={options.maxTokens ?? ''}
            onChange={(event) => {
              const count = Math.floor(Number(event.currentTarget.value));
              set({ maxTokens: count >= 1 ? count : null });
            }}
          />
        </label>
      </div>
      <label class="field">
        <span>Instructions for the model (system prompt)</span>
        <textarea
          class="input"
          rows={2}
          value={options.systemPrompt}
          onChange={(event) => set({ systemPrompt: event.currentTarget.value })}
        />
      </label>
    </fieldset>
  );
}
