import { Figure, Figures } from '../../components/figures.tsx';
import { formatCount, formatRate } from '../../format/numbers.ts';
import { regionFigures } from '../../state/peer-rows.ts';
import { useSite } from '../../site.ts';

import type { JoinPhase } from '../../state/node-state.ts';

const PENDING: Readonly<Record<JoinPhase, string>> = {
  off: 'joins the network in a moment',
  joining: 'joining the network',
  joined: 'listening, up to 10 s',
  failed: 'this tab could not join the network',
};

/** What the region can do at this moment. */
export function RegionFiguresStrip() {
  const { relay, node } = useSite();
  const known = node.heard.value;
  const catalog = relay.bootstrap.value?.catalog ?? null;
  const figures = regionFigures(node.peers.value, catalog ?? []);
  const offered = catalog?.length ?? null;
  const pending = PENDING[node.phase.value];
  return (
    <Figures label="The region now">
      <Figure
        name="Peers serving"
        value={known ? formatCount(figures.serving) : null}
        note={known ? `${figures.busy} of ${figures.slots} places busy` : pending}
      />
      <Figure
        name="Models ready"
        value={known ? formatCount(figures.models) : null}
        note={offered === null ? 'catalogue not read yet' : `${offered} in the catalogue`}
      />
      <Figure
        name="Speed on offer"
        value={known ? formatRate(figures.tokensPerSecond) : null}
        unit="tokens/s"
        note="sum of the peers’ own self-tests"
      />
    </Figures>
  );
}
