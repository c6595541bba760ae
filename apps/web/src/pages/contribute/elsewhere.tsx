import { Notice } from '../../components/notice.tsx';
import { useSite } from '../../site.ts';
import { elsewhereWords } from './words.ts';

/** What the tab that lends is doing, seen from another one, and how to become it. */
export function Elsewhere({ begin }: { begin: (when: 'take-over' | 'wait') => void }) {
  const { contribute } = useSite();
  const there = contribute.elsewhere.value;
  const waiting = contribute.waiting.value;
  if (there === null && !waiting) return null;
  return (
    <div data-testid="elsewhere" data-state={there?.state ?? 'none'} data-waiting={waiting}>
      <Notice tone={there?.state === 'error' ? 'warning' : 'good'}>
        <p>{there === null ? 'Waiting for this browser’s place to lend.' : elsewhereWords(there)}</p>
        {waiting && <p>This tab takes over by itself when the other one is closed or stops.</p>}
        <div class="notice-actions">
          {waiting ? (
            <button class="button" onClick={() => void contribute.stop()}>
              Do not wait
            </button>
          ) : (
            <button class="button" data-testid="wait-for-place" onClick={() => begin('wait')}>
              Take over when it ends
            </button>
          )}
          <button class="button button-quiet" data-testid="take-over" onClick={() => begin('take-over')}>
            Lend from this tab now
          </button>
        </div>
      </Notice>
    </div>
  );
}
