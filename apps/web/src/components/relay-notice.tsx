import { formatEstimate } from '../format/time.ts';
import { useSite } from '../site.ts';
import { Notice } from './notice.tsx';
import { useNow } from './use-now.ts';

/** Says that the relay is out of reach and when it is tried again; nothing while all is well. */
export function RelayNotice({ consequence }: { consequence: string }) {
  const { relay } = useSite();
  if (relay.phase.value !== 'unreachable') return null;
  return (
    <Notice tone="warning">
      <p>
        {relay.problem.value ?? 'The relay cannot be reached.'} {consequence} <Countdown />
      </p>
      <div class="notice-actions">
        <button class="button" onClick={relay.check}>
          Try now
        </button>
      </div>
    </Notice>
  );
}

/** Ticks beside the announced text, not in it: a screen reader is not told every second. */
export function Countdown() {
  const { relay } = useSite();
  const now = useNow(500);
  const at = relay.retryAtMs.value;
  if (at === null) return null;
  return <span aria-hidden="true">{at > now ? `Retrying in ${formatEstimate(at - now)}.` : 'Retrying now.'}</span>;
}
