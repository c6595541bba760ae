import type { PeerRow } from '../../state/peer-rows.ts';

/** Where a peer stands in the picture, in the units of its viewBox. */
export interface PlacedPeer {
  readonly row: PeerRow;
  readonly x: number;
  readonly y: number;
  /** Width of its line to the relay: grows with the answers it computes now. */
  readonly lineWidth: number;
}

/** Size of the drawing; drawn at about its own size, so that words in it stay readable. */
export interface Picture {
  readonly width: number;
  readonly height: number;
}

export const WIDE_PICTURE: Picture = { width: 640, height: 440 };
export const NARROW_PICTURE: Picture = { width: 340, height: 400 };

const INNER_RING = 8;
const IDLE_LINE = 1.25;
const LINE_PER_ANSWER = 1.5;
const MAX_LINE = 8;

/** Room for a peer's circle and name at the edge. */
const EDGE_X = 42;
const EDGE_Y = 50;

/** Peers around the relay: up to eight on an inner ring, the rest on an outer one; each keeps its place by name. */
export function placePeers(rows: readonly PeerRow[], capacity: number, picture: Picture): PlacedPeer[] {
  const shown = rows
    .toSorted((a, b) => Number(b.self) - Number(a.self) || a.peer.localeCompare(b.peer))
    .slice(0, capacity);
  const inner = shown.slice(0, INNER_RING);
  const outer = shown.slice(INNER_RING);
  return [...ring(inner, outer.length > 0 ? 0.6 : 0.9, picture), ...ring(outer, 1, picture)];
}

function ring(rows: readonly PeerRow[], share: number, { width, height }: Picture): PlacedPeer[] {
  const centreX = width / 2;
  const centreY = height / 2;
  return rows.map((row, index) => {
    const angle = (index / rows.length) * 2 * Math.PI - Math.PI / 2;
    return {
      row,
      x: Math.round(centreX + Math.cos(angle) * share * (centreX - EDGE_X)),
      y: Math.round(centreY + Math.sin(angle) * share * (centreY - EDGE_Y)),
      lineWidth: Math.min(MAX_LINE, IDLE_LINE + row.busy * LINE_PER_ANSWER),
    };
  });
}
