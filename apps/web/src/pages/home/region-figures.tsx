import { Figure, Figures } from '../../components/figures.tsx';
import { formatCount, formatRate } from '../../format/numbers.ts';
import { regionFigures } from '../../state/peer-rows.ts';
import { useSite } from '../../site.ts';

/** What the region can do at this moment. */
export function RegionFiguresStrip() {
  const { relay, node } = useSite();
  const joined = node.phase.value === 'joined';
  const figures = regionFigures(node.peers.value);
  const offered = relay.bootstrap.value?.catalog.length ?? null;
  const pending = node.phase.value === 'failed' ? 'this tab could not join the network' : 'joining the network';
  return (
    <Figures label="The region now">
      <Figure
        name="Peers serving"
        value={joined ? formatCount(figures.serving) : null}
        note={joined ? `${figures.busy} of ${figures.slots} places busy` : pending}
      />
      <Figure
        name="Models ready"
        value={joined ? formatCount(figures.models) : null}
        note={offered === null ? 'catalogue not read yet' : `${offered} in the catalogue`}
      />
      <Figure
        name="Speed on offer"
        value={joined ? formatRate(figures.tokensPerSecond) : null}
        unit="tokens/s"
        note="sum of the peers’ own self-tests"
      />
    </Figures>
  );
}
