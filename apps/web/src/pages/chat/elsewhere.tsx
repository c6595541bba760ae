import { MAX_LINKED_RELAYS, MAX_OFFERED_MODELS } from '../../constants.ts';
import { regionWords } from '../../format/names.ts';
import { readyModels } from '../../state/ready-models.ts';
import { useSite } from '../../site.ts';
import { useChat } from './use-chat.ts';

/** Models that answer in this region now, each a press away; nothing where there is none. */
export function ReadyHere({ except }: { except: string | null }) {
  const { relay, node, settings } = useSite();
  const chat = useChat();
  const catalog = relay.bootstrap.value?.catalog ?? [];
  const ready = readyModels(catalog, node.peers.value).filter(({ id }) => id !== except);
  if (ready.length === 0) return null;
  return (
    <span data-testid="ready-here">
      Ready here:{' '}
      {ready.slice(0, MAX_OFFERED_MODELS).map((entry, index) => (
        <span key={entry.id}>
          {index > 0 && ', '}
          <button
            type="button"
            class="link"
            title={`Ask ${entry.name} from now on`}
            onClick={() => {
              settings.model.value = entry.id;
              void chat.setModel(entry.id);
            }}
          >
            {entry.name}
          </button>
        </span>
      ))}
      .
    </span>
  );
}

/** The relays known in a region, to be opened. */
export function RelayLinks({ region }: { region: string }) {
  const relays = useSite().region.relaysOf(region).slice(0, MAX_LINKED_RELAYS);
  if (relays.length === 0) return null;
  return (
    <span>
      {relays.length === 1 ? 'Relay' : 'Relays'} of {regionWords(region)}:{' '}
      {relays.map(({ url }, index) => (
        <span key={url}>
          {index > 0 && ', '}
          <a href={new URL('/chat', url).href} rel="noreferrer">
            {new URL(url).host}
          </a>
        </span>
      ))}
      .
    </span>
  );
}
