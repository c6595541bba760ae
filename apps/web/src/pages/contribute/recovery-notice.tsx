import { Notice } from '../../components/notice.tsx';
import { useNow } from '../../components/use-now.ts';
import { engineWords } from '../../format/names.ts';
import { isRestarting } from '../../state/is-on.ts';
import { useSite } from '../../site.ts';
import { restartWords } from './words.ts';

/** A failure that is being seen to, or was. */
export function RecoveryNotice({ again }: { again: () => void }) {
  const { contribute } = useSite();
  const now = useNow(1_000);
  const snapshot = contribute.snapshot.value;
  const { recovery } = snapshot;
  if (recovery === null) return null;
  if (isRestarting(snapshot)) {
    return (
      <Notice tone="warning">
        <p>{restartWords(recovery, now)}</p>
        <div class="notice-actions">
          <button class="button" onClick={again}>
            Start now
          </button>
        </div>
      </Notice>
    );
  }
  if (recovery.fellBackFrom === null || snapshot.state === 'error') return null;
  return (
    <Notice tone="warning">
      <p>
        {engineWords(recovery.fellBackFrom)} kept failing, so {engineWords(snapshot.engine ?? 'wasm')} took over.{' '}
        {recovery.failure.message}
      </p>
    </Notice>
  );
}
