import { MAX_DRAWN_PEERS } from '../../constants.ts';
import { shortPeer } from '../../format/names.ts';
import { formatPlural } from '../../format/numbers.ts';
import { PICTURE, placePeers } from './topology-layout.ts';
import type { Signal } from '@preact/signals';
import type { PeerRow } from '../../state/peer-rows.ts';
import type { PlacedPeer } from './topology-layout.ts';

/** The relay in the middle, peers around it; a line's width is the answers running over it now. */
export function Topology(props: {
  rows: readonly PeerRow[];
  selected: Signal<string | null>;
  relayConnected: boolean;
}) {
  const { rows, selected, relayConnected } = props;
  const placed = placePeers(rows, MAX_DRAWN_PEERS);
  const hidden = rows.length - placed.length;
  return (
    <figure class="topology">
      <svg
        viewBox={`0 0 ${PICTURE.width} ${PICTURE.height}`}
        role="group"
        aria-label="Picture of the network: the relay and its peers"
      >
        {placed.map((peer) => (
          <Line key={peer.row.peer} peer={peer} connected={relayConnected} />
        ))}
        <g class="topology-relay" data-connected={relayConnected}>
          <rect x={PICTURE.centreX - 38} y={PICTURE.centreY - 22} width="76" height="44" rx="10" />
          <text x={PICTURE.centreX} y={PICTURE.centreY + 5}>
            relay
          </text>
        </g>
        {placed.map((peer) => (
          <Peer key={peer.row.peer} peer={peer} selected={selected} />
        ))}
      </svg>
      <figcaption class="soft small">
        A line’s width: answers running now. {hidden > 0 && `${formatPlural(hidden, 'more peer')} in the table.`}
      </figcaption>
    </figure>
  );
}

function Line({ peer, connected }: { peer: PlacedPeer; connected: boolean }) {
  const line = { x1: PICTURE.centreX, y1: PICTURE.centreY, x2: peer.x, y2: peer.y };
  const state = !connected ? 'lost' : peer.row.busy > 0 ? 'busy' : 'idle';
  return (
    <g>
      <line class="topology-line" data-state={state} {...line} stroke-width={peer.lineWidth} />
      {state === 'busy' && <line class="topology-flow" {...line} stroke-width={Math.max(2, peer.lineWidth / 2)} />}
    </g>
  );
}

function Peer({ peer: { row, x, y }, selected }: { peer: PlacedPeer; selected: Signal<string | null> }) {
  const chosen = selected.value === row.peer;
  const choose = () => {
    selected.value = chosen ? null : row.peer;
  };
  return (
    <g
      class="topology-peer"
      data-state={row.state}
      data-chosen={chosen}
      role="button"
      tabIndex={0}
      aria-pressed={chosen}
      aria-label={peerLabel(row)}
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        choose();
      }}
    >
      {/* A target of 44 px even where the picture is drawn at half size. */}
      <circle class="topology-target" cx={x} cy={y} r="46" />
      <circle class="topology-ring" cx={x} cy={y} r="27" />
      <text x={x} y={y + 5}>
        {row.busy}/{row.slots}
      </text>
      <text class="topology-name" x={x} y={y + 46}>
        {row.self ? 'this tab' : shortPeer(row.peer)}
      </text>
    </g>
  );
}

const peerLabel = (row: PeerRow): string =>
  `${row.self ? 'This tab' : `Peer ${shortPeer(row.peer)}`}, ${row.kind}, ${row.state}, ${row.busy} of ${row.slots} places busy`;
