import { Notice } from '../../components/notice.tsx';
import { regionWords } from '../../format/names.ts';
import { useSite } from '../../site.ts';
import { readyModels } from '../../state/ready-models.ts';
import { ReadyHere, RelayLinks } from './elsewhere.tsx';
import { LinkedText } from './linked-text.tsx';
import { failureWords, refusalWords } from './words.ts';
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
        <p>{unserved && report?.by === 'network' ? <Refusal text={text} model={message.model} /> : text}</p>
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

/** What the relay of this page refused, with the ways to relays that have the model. */
function Refusal({ text, model }: { text: string; model: string | null }) {
  const { relay, node, region } = useSite();
  const catalog = relay.bootstrap.value?.catalog ?? [];
  const view = region.view.value;
  if (model === null || view === null) return <LinkedText text={text} />;
  const words = refusalWords(text, {
    model,
    name: catalog.find(({ id }) => id === model)?.name ?? model,
    region: regionWords(view.ofRelay),
    offersReady: readyModels(catalog, node.peers.value).some(({ id }) => id !== model),
  });
  return <LinkedText text={words} />;
}
