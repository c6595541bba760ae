import './home.css';
import { RelayNotice } from '../../components/relay-notice.tsx';
import { useJoin } from '../../components/use-join.ts';
import { formatBytes, formatPlural } from '../../format/numbers.ts';
import { modelCoverage } from '../../state/coverage.ts';
import { useSite } from '../../site.ts';
import { ApiLines } from './api-lines.tsx';
import { HowItWorks } from './how-it-works.tsx';
import { RegionFiguresStrip } from './region-figures.tsx';
import { WhoSees } from './who-sees.tsx';

/** The start page: what this is, two doors, what goes on now. */
export function HomePage() {
  useJoin();
  return (
    <div class="page home">
      <section class="hero" aria-labelledby="hero">
        <h1 id="hero">Chat with open models that run in other people’s browser tabs, and lend yours.</h1>
        <p class="hero-text">
          No account, no data centre. A relay passes each question to a device that has a model loaded.
        </p>
        <div class="doors">
          <ChatDoor />
          <LendDoor />
        </div>
      </section>
      <RelayNotice consequence="The figures below stand still." />
      <RegionFiguresStrip />
      <HowItWorks />
      <WhoSees />
      <ApiLines />
    </div>
  );
}

function ChatDoor() {
  const { relay, node } = useSite();
  const catalog = relay.bootstrap.value?.catalog ?? [];
  const supplied = catalog
    .map((entry) => ({ entry, coverage: modelCoverage(node.peers.value, entry) }))
    .find(({ coverage }) => coverage.missing.length === 0);
  const words =
    supplied !== undefined
      ? `${supplied.entry.name} answers now, on ${formatPlural(supplied.coverage.wholes + supplied.coverage.parts, 'device')}.`
      : relay.ready.value === true
        ? `${catalog[0]?.name ?? 'A model'} answers now.`
        : relay.ready.value === false
          ? 'Nobody serves a model right now.'
          : 'Streams its answer and says who computed it.';
  return (
    <a class="door door-primary" href="/chat">
      <span class="door-title">Chat now</span>
      <span>{words}</span>
    </a>
  );
}

function LendDoor() {
  const { relay, contribute } = useSite();
  const smallest = relay.bootstrap.value?.catalog.toSorted((a, b) => a.bytes - b.bytes)[0];
  const { state } = contribute.snapshot.value;
  const words =
    state === 'serving'
      ? 'This tab is serving.'
      : smallest === undefined
        ? 'Leave a tab open and it answers others’ questions.'
        : `One button. Fetches ${formatBytes(smallest.bytes)} once, any laptop will do.`;
  return (
    <a class="door" href="/contribute">
      <span class="door-title">Lend this device</span>
      <span>{words}</span>
    </a>
  );
}
