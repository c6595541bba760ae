import './network.css';
import { useSignal } from '@preact/signals';
import { Figure, Figures } from '../../components/figures.tsx';
import { Notice } from '../../components/notice.tsx';
import { linkedWords } from '../../components/region-words.ts';
import { RelayNotice } from '../../components/relay-notice.tsx';
import { useJoin } from '../../components/use-join.ts';
import { formatCount, formatRate } from '../../format/numbers.ts';
import { regionWords } from '../../format/names.ts';
import { formatSpan } from '../../format/time.ts';
import { regionFigures } from '../../state/peer-rows.ts';
import { useSite } from '../../site.ts';
import { Clusters } from './clusters.tsx';
import { CoverageList } from './coverage-list.tsx';
import { PeerDetails } from './peer-details.tsx';
import { PeerTable } from './peer-table.tsx';
import { TimelineList } from './timeline-list.tsx';
import { Topology } from './topology.tsx';
import type { Tier } from '@opengateway/core';

/** Who is there, what they serve, how busy they are; as a picture and as a table. */
export function NetworkPage() {
  const { node, relay, region: place } = useSite();
  const selected = useSignal<string | null>(null);
  useJoin();
  const all = node.peers.value;
  const cluster = useSignal<Tier | null>(null);
  const rows = cluster.value === null ? all : all.filter(({ tiers }) => tiers.includes(cluster.value!));
  const catalog = relay.bootstrap.value?.catalog ?? [];
  const figures = regionFigures(all, catalog);
  const known = node.heard.value;
  const view = place.view.value;
  const region = view === null ? 'this region' : regionWords(view.region);
  const linked = node.relays.value.length;
  return (
    <div class="page">
      <div class="page-head">
        <h1>Network</h1>
        <p>
          Peers announce themselves every 10 seconds and are forgotten after 30 without a word. What you see is what
          this tab hears.
        </p>
      </div>
      <RelayNotice consequence="What is shown may be out of date." />
      <JoinNotice />
      <Figures label="The network now">
        <Figure name="Peers serving" value={known ? formatCount(figures.serving) : null} note={region} />
        <Figure
          name="Places busy"
          value={known ? formatCount(figures.busy) : null}
          unit={known ? `of ${formatCount(figures.slots)}` : ''}
          note="answers computed at once"
        />
        <Figure
          name="Speed on offer"
          value={known ? formatRate(figures.tokensPerSecond) : null}
          unit="tokens/s"
          note="sum of the peers’ self-tests"
        />
        <Figure
          name="To the relay and back"
          value={relay.roundTripMs.value === null ? null : formatSpan(relay.roundTripMs.value)}
          note={
            view === null
              ? 'measured here'
              : `this page’s relay, measured; linked to ${linkedWords({ linked, known: place.relaysOf(view.region).length, region: view.region })}`
          }
        />
      </Figures>
      {known && all.length === 0 && (
        <Notice>
          <p>Nobody serves in {region} now. This device could be the first.</p>
          <div class="notice-actions">
            <a class="button button-primary" href="/contribute">
              Lend this device
            </a>
          </div>
        </Notice>
      )}
      {known && (
        <>
          {view !== null && <Clusters rows={all} region={view.region} chosen={cluster} />}
          <div class="network">
            <section class="card" aria-label="Picture">
              <Topology rows={rows} selected={selected} relayConnected={node.relayConnected.value} />
            </section>
            <section class="card" aria-labelledby="details" aria-live="polite">
              <h2 id="details">Peer</h2>
              <PeerDetails row={all.find(({ peer }) => peer === selected.value) ?? null} />
            </section>
          </div>
          <CoverageList rows={all} />
          {rows.length > 0 && <PeerTable rows={rows} selected={selected} />}
          <section aria-labelledby="timeline">
            <h2 id="timeline">Since you looked</h2>
            <TimelineList events={node.timeline.value} />
          </section>
        </>
      )}
    </div>
  );
}

function JoinNotice() {
  const { node, relay } = useSite();
  const phase = node.phase.value;
  if (relay.phase.value === 'unreachable') return null;
  if (phase === 'off' || phase === 'joining') return <p class="soft">Joining the network to hear its peers</p>;
  if (phase === 'failed') {
    return (
      <Notice tone="danger">
        <p>This tab could not join the network: {node.problem.value}</p>
        <div class="notice-actions">
          <button class="button" onClick={() => void node.join().catch(() => undefined)}>
            Try again
          </button>
        </div>
      </Notice>
    );
  }
  if (node.relayConnected.value && !node.heard.value)
    return <p class="soft">Listening: every peer speaks within 10 s</p>;
  if (!node.relayConnected.value) {
    return (
      <Notice tone="warning">
        The link to the relay is down. This tab reconnects by itself; peers may be out of date.
      </Notice>
    );
  }
  return null;
}
