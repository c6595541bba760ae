import { MAX_DRAWN_PEERS } from '../../constants.ts';
import { shortPeer } from '../../format/names.ts';
import { formatPlural } from '../../format/numbers.ts';
import { NARROW_PICTURE, WIDE_PICTURE, placePeers } from './topology-layout.ts';
import { useMedia } from '../../components/use-media.ts';
import type { Signal } from '@preact/signals';
import type { PeerRow } from '../../state/peer-rows.ts';
import type { Picture, PlacedPeer } from './topology-layout.ts';

/** The relay in the middle, peers around it; a line's width is the answers running over it now. */
export function Topology(props: {
  rows: readonly PeerRow[];
  selected: Signal<string | null>;
  relayConnected: boolean;
}) {
  const { rows, selected, relayConnected } = props;
  const picture = useMedia('(max-width: 40rem)') ? NARROW_PICTURE : WIDE_PICTURE;
  const placed = placePeers(rows, MAX_DRAWN_PEERS, picture);
  const centre = { x: picture.width / 2, y: picture.height / 2 };
  const hidden = rows.length - placed.length;
  return (
    <figure class="topology">
      <svg
        viewBox={`0 0 ${picture.width} ${picture.height}`}
        role="group"
        aria-label="Picture of the network: the relay and its peers"
      >
        {placed.map((peer) => (
          <Line key={peer.row.peer} peer={peer} connected={relayConnected} picture={picture} />
        ))}
        <g class="topology-relay" data-connected={relayConnected}>
          <rect x={centre.x - 38} y={centre.y - 22} width="76" height="44" rx="10" />
          <text x={centre.x} y={centre.y + 5}>
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

function Line({ peer, connected, picture }: { peer: PlacedPeer; connected: boolean; picture: Picture }) {
  const line = { x1: picture.width / 2, y1: picture.height / 2, x2: peer.x, y2: peer.y };
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
      {/* Larger than the ring: at least 44 px to touch. */}
      <circle class="topology-target" cx={x} cy={y} r="30" />
      <circle class="topology-ring" cx={x} cy={y} r="24" />
      <text x={x} y={y + 5}>
        {row.busy}/{row.slots}
      </text>
      <text class="topology-name" x={x} y={y + 42}>
        {row.self ? 'this tab' : shortPeer(row.peer)}
      </text>
    </g>
  );
}

const peerLabel = (row: PeerRow): string =>
  `${row.self ? 'This tab' : `Peer ${shortPeer(row.peer)}`}, ${row.kind}, ${row.state}, ${row.busy} of ${row.slots} places busy`;
