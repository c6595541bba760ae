import { TIER_TABLE, clusterName } from '@opengateway/core';
import { formatCount } from '../../format/numbers.ts';
import { regionWords } from '../../format/names.ts';
import { clustersOf } from '../../state/peer-rows.ts';
import type { Signal } from '@preact/signals';
import type { Tier } from '@opengateway/core';
import type { PeerRow } from '../../state/peer-rows.ts';

/** The clusters of the region with their members; choosing one shows only those. */
export function Clusters(props: { rows: readonly PeerRow[]; region: string; chosen: Signal<Tier | null> }) {
  const { rows, region, chosen } = props;
  const toggle = (tier: Tier | null) => () => (chosen.value = chosen.value === tier ? null : tier);
  return (
    <section class="clusters" aria-labelledby="clusters">
      <h2 id="clusters">Clusters of {regionWords(region)}</h2>
      <div class="cluster-list" role="group" aria-label="Show the peers of">
        <button class="cluster" aria-pressed={chosen.value === null} onClick={toggle(null)}>
          <span class="cluster-name">All</span>
          <span class="cluster-count">{formatCount(rows.length)}</span>
          <span class="soft small">{rows.length === 1 ? 'peer' : 'peers'}</span>
        </button>
        {clustersOf(rows).map(({ tier, members, serving }) => (
          <button
            key={tier}
            class="cluster"
            data-testid="cluster"
            data-tier={tier}
            data-members={members}
            title={clusterName(region, tier)}
            aria-pressed={chosen.value === tier}
            onClick={toggle(tier)}
          >
            <span class="cluster-name">{TIER_TABLE[tier].name}</span>
            <span class="cluster-count">{formatCount(members)}</span>
            <span class="soft small">
              {members === 0 ? 'nobody' : serving === members ? 'all serving' : `${formatCount(serving)} serving`}
            </span>
          </button>
        ))}
      </div>
      <p class="soft small">
        A peer is in the cluster of every tier it qualifies for, and of the models it serves. Clusters of other regions
        are not heard here.
      </p>
    </section>
  );
}
