import { draft } from './draft.ts';

const STARTERS = [
  'Explain in three sentences how tides work.',
  'Write a short poem about a lighthouse.',
  'List five uses for an old laptop.',
];

/** Before the first question: what to expect, and a way to begin. */
export function EmptyThread() {
  return (
    <div class="chat-empty">
      <h2>Ask something</h2>
      <p class="soft">
        Small models answer fast and are often wrong: check what matters. Chats are kept in this browser only.
      </p>
      <ul role="list">
        {STARTERS.map((starter) => (
          <li key={starter}>
            <button class="button starter" onClick={() => (draft.value = starter)}>
              {starter}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
