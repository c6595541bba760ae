import { Notice } from '../../components/notice.tsx';
import { useSite } from '../../site.ts';
import { ReadyHere, RelayLinks } from './elsewhere.tsx';
import { LinkedText } from './linked-text.tsx';
import { failureWords } from './words.ts';
import type { StoredMessage } from '../../storage/schema.ts';

/** Failures after which another model may still answer. */
const UNSERVED: ReadonlySet<string> = new Set(['no_route', 'model_not_ready', 'model_not_found', 'capacity']);

/** Why an answer is not whole, and what to do next. */
export function AnswerProblem({ message }: { message: StoredMessage }) {
  const { apiKey, settings } = useSite();
  const { status, error, content, report } = message;
  if (status === 'interrupted') {
    return (
      <Notice tone="warning">
        This answer was interrupted by a reload. “Continue” makes it again with the same seed, so it goes on where it
        stopped.
      </Notice>
    );
  }
  if (status === 'stopped')
    return <p class="soft small">{content === '' ? 'Stopped before the first word.' : 'Stopped by you.'}</p>;
  if (status === 'failed' && error !== null) {
    const { text, wantsKey } = failureWords(error);
    const unserved = UNSERVED.has(error.code);
    return (
      <Notice tone="danger">
        <p>
          <LinkedText text={text} />
        </p>
        {unserved && <ReadyHere except={message.model} />}
        {error.code === 'other_region' && settings.region.value !== null && (
          <RelayLinks region={settings.region.value} />
        )}
        {wantsKey && (
          <div class="notice-actions">
            <button class="button" onClick={apiKey.ask}>
              Enter an API key
            </button>
          </div>
        )}
      </Notice>
    );
  }
  if (report?.reason === 'length')
    return <p class="soft small">Ended at the longest answer allowed, not at its natural end.</p>;
  return null;
}
