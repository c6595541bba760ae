import { clusterName, compareTiers } from '@opengateway/core';
import { engineWords, shortPeer } from '../../format/names.ts';
import { formatPlural, formatRate } from '../../format/numbers.ts';
import { formatAgo, formatRoundTrip } from '../../format/time.ts';
import { useNow } from '../../components/use-now.ts';
import { servesWords } from '../../state/peer-rows.ts';
import { useSite } from '../../site.ts';
import type { PeerLink } from '../../node/types.ts';
import type { PeerRow } from '../../state/peer-rows.ts';

/** Everything known of one peer. */
export function PeerDetails({ row }: { row: PeerRow | null }) {
  const now = useNow(1_000);
  const { relay, node, region } = useSite();
  const place = region.view.value?.region;
  if (row === null) return <p class="soft">Choose a peer to see what it serves.</p>;
  return (
    <dl class="pairs">
      <dt>Peer</dt>
      <dd class="mono">{row.peer}</dd>
      <dt>What it is</dt>
      <dd>
        {row.kind === 'tab' ? 'a browser tab' : 'a program (Node)'}
        {row.self && ', this one'}
      </dd>
      <dt>State</dt>
      <dd>{row.state === 'loading' ? 'loading: takes no requests yet' : row.state}</dd>
      <dt>Serves</dt>
      <dd>{servesWords(row, relay.bootstrap.value?.catalog ?? []) || 'nothing yet'}</dd>
      <dt>Clusters</dt>
      <dd>{clusterWords(row, place)}</dd>
      {row.engine !== null && (
        <>
          <dt>Engine</dt>
          <dd>{engineWords(row.engine)}</dd>
          <dt>Speed</dt>
          <dd>{formatRate(row.tokensPerSecond)} tokens/s (its own self-test)</dd>
        </>
      )}
      <dt>Load</dt>
      <dd>
        {row.busy} of {formatPlural(row.slots, 'place')} busy, {row.queued} waiting
      </dd>
      <dt>Connection</dt>
      <dd>{row.self ? 'it is this tab' : linkWords(node.node.value?.link(row.peer) ?? null)}</dd>
      <dt>Last heard</dt>
      <dd>{formatAgo(row.lastSeenMs, now)}</dd>
    </dl>
  );
}

const clusterWords = ({ tiers }: PeerRow, region: string | undefined): string =>
  tiers.length === 0 || region === undefined
    ? 'none yet'
    : tiers
        .toSorted(compareTiers)
        .map((tier) => clusterName(region, tier))
        .join(', ');

function linkWords(link: PeerLink | null): string {
  if (link === null) return 'none from this tab now; one is made when it is needed';
  const way = link.direct
    ? 'direct'
    : `carried by ${link.relay === null ? 'the relay' : `relay ${shortPeer(link.relay)}`}`;
  return link.rttMs === null ? way : `${way}, ${formatRoundTrip(link.rttMs)} there and back (measured)`;
}
