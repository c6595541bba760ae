import { Countdown } from '../../components/relay-notice.tsx';
import { gapWords } from '../../format/layers.ts';
import { formatPlural, formatRate } from '../../format/numbers.ts';
import { regionWords } from '../../format/names.ts';
import { useSite } from '../../site.ts';
import { ReadyHere, RelayLinks } from './elsewhere.tsx';
import { PLACE_NAMES } from './place-choice.tsx';
import type { ComponentChildren } from 'preact';
import type { Place } from '../../state/settings.ts';
import type { Choice, Prospect } from './choice.ts';

/** Said before sending: where the answer would be computed, how fast, and who could read the question. */
export function WhereLine({ choice, onPlace }: { choice: Choice; onPlace: () => void }) {
  const { node, settings, region: where } = useSite();
  const prospect = choice.prospect.value;
  const place = settings.place.value;
  const entry = choice.entry.value;
  const name = entry?.name ?? 'the model';
  const view = where.view.value;
  const region = view === null ? 'this region' : regionWords(place === 'relay' ? view.ofRelay : view.region);
  const lend = `/contribute${entry ? `?model=${entry.id}` : ''}`;
  const way: ComponentChildren = (
    <button type="button" class="link" title="Choose where answers are computed" onClick={onPlace}>
      {PLACE_NAMES[place]}
    </button>
  );
  switch (prospect.type) {
    case 'device':
      return (
        <>
          On this device{prospect.tokensPerSecond > 0 && `, about ${formatRate(prospect.tokensPerSecond)} tokens/s`}.
          Nobody else sees it.
        </>
      );
    case 'peers':
      return (
        <>
          {way}, {peersWords(prospect)}. {readerWords(place, prospect)}
        </>
      );
    case 'relay':
      return <>{way}. It and the peers that answer can read it.</>;
    case 'other-region':
      return (
        <>
          This relay answers for {regionWords(prospect.ofRelay)}, and you chose {regionWords(prospect.region)}.{' '}
          <button type="button" class="link" onClick={onPlace}>
            Choose “Direct”
          </button>{' '}
          to ask the peers there. <RelayLinks region={prospect.region} />
        </>
      );
    case 'joining':
      return <>{way}. This tab is joining the network to find peers.</>;
    case 'not-joined':
      return (
        <>
          {way}, but this tab could not join the network: {prospect.problem}{' '}
          <button type="button" class="link" onClick={() => void node.join().catch(() => undefined)}>
            Try again
          </button>
        </>
      );
    case 'listening':
      return (
        <>
          {way}. Hearing who serves {name}: every peer speaks within 10 s.
        </>
      );
    case 'full':
      return (
        <>
          {way}. All who serve {name} are full: a question waits in line.
        </>
      );
    case 'missing':
      return (
        <>
          {missingWords(prospect.gaps, { name, region, layerCount: entry?.layerCount ?? 0 })}{' '}
          <ReadyHere except={entry?.id ?? null} /> <a href={lend}>Lend this device</a>: it could help.
        </>
      );
    case 'not-here':
      return (
        <>
          This device only, and {name} is not whole in this tab. <a href={lend}>Load it</a>, or{' '}
          <button type="button" class="link" onClick={onPlace}>
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

type Peers = Extract<Prospect, { type: 'peers' }>;

function peersWords({ peers, stages, tokensPerSecond }: Peers): string {
  const who =
    stages > 1
      ? `over a chain of ${stages} peers`
      : peers > 1
        ? `on one of ${formatPlural(peers, 'peer')}`
        : 'on 1 peer';
  return tokensPerSecond > 0 ? `${who}, about ${formatRate(tokensPerSecond)} tokens/s` : who;
}

function readerWords(place: Place, { stages }: Peers): string {
  const peers = stages > 1 ? 'They' : 'That peer';
  return place === 'direct'
    ? `${peers} can read it, the relay cannot.`
    : `The relay and ${stages > 1 ? 'they' : 'that peer'} can read it.`;
}

function missingWords(
  gaps: Extract<Prospect, { type: 'missing' }>['gaps'],
  { name, region, layerCount }: { name: string; region: string; layerCount: number },
): string {
  const [gap] = gaps;
  if (gap === undefined) return `The peers that hold ${name} make no chain together now.`;
  if (gap.end - gap.start === layerCount) return `Nobody in ${region} serves ${name} now.`;
  return `Nobody holds ${gapWords(gaps)} of ${name} now.`;
}
