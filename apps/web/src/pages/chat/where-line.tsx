import { Countdown } from '../../components/relay-notice.tsx';
import { formatPlural, formatRate } from '../../format/numbers.ts';
import { regionWords } from '../../format/names.ts';
import { useSite } from '../../site.ts';
import type { Choice } from './choice.ts';

/** Said before sending: where the answer would be computed, how fast, and who could read the question. */
export function WhereLine({ choice }: { choice: Choice }) {
  const { relay, settings } = useSite();
  const prospect = choice.prospect.value;
  const name = choice.entry.value?.name ?? 'the model';
  const region = relay.bootstrap.value === null ? 'this region' : regionWords(relay.bootstrap.value.region);
  const lend = `/contribute${choice.entry.value ? `?model=${choice.entry.value.id}` : ''}`;
  switch (prospect.type) {
    case 'device':
      return <>On this device, about {formatRate(prospect.tokensPerSecond)} tokens/s. Nobody else sees it.</>;
    case 'peers':
      return (
        <>
          On {formatPlural(prospect.peers, 'peer')}
          {prospect.tokensPerSecond > 0 && `, about ${formatRate(prospect.tokensPerSecond)} tokens/s`}. The one that
          answers can read it.
        </>
      );
    case 'relay':
      return <>Through the relay. The peer that answers can read it.</>;
    case 'nobody':
      return (
        <>
          Nobody in {region} serves {name} now. <a href={lend}>Lend this device</a>: it could serve it.
        </>
      );
    case 'not-here':
      return (
        <>
          This device only, and {name} is not loaded here. <a href={lend}>Load it</a>, or{' '}
          <button class="link" onClick={() => (settings.deviceOnly.value = false)}>
            allow the network
          </button>
          .
        </>
      );
    case 'unreachable':
      return (
        <>
          The relay cannot be reached; your chats are safe. <Countdown />
        </>
      );
    case 'connecting':
      return <>Connecting to the relay.</>;
    default:
      return prospect satisfies never;
  }
}
