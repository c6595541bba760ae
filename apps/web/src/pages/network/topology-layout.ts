import type { PeerRow } from '../../state/peer-rows.ts';

/** Where a peer stands in the picture, in the units of its viewBox. */
export interface PlacedPeer {
  readonly row: PeerRow;
  readonly x: number;
  readonly y: number;
  /** Width of its line to the relay: grows with the answers it computes now. */
  readonly lineWidth: number;
}

export const PICTURE = { width: 640, height: 440, centreX: 320, centreY: 220 } as const;

const INNER_RING = 8;
const IDLE_LINE = 1.25;
const LINE_PER_ANSWER = 1.5;
const MAX_LINE = 8;

/** Peers around the relay: up to eight on an inner ring, the rest on an outer one; each keeps its place by name. */
export function placePeers(rows: readonly PeerRow[], capacity: number): PlacedPeer[] {
  const shown = rows
    .toSorted((a, b) => Number(b.self) - Number(a.self) || a.peer.localeCompare(b.peer))
    .slice(0, capacity);
  const inner = shown.slice(0, INNER_RING);
  const outer = shown.slice(INNER_RING);
  return [...ring(inner, outer.length > 0 ? 0.58 : 0.8), ...ring(outer, 1)];
}

function ring(rows: readonly PeerRow[], share: number): PlacedPeer[] {
  const { centreX, centreY } = PICTURE;
  return rows.map((row, index) => {
    const angle = (index / rows.length) * 2 * Math.PI - Math.PI / 2;
    return {
      row,
      x: Math.round(centreX + Math.cos(angle) * share * (centreX - 64)),
      y: Math.round(centreY + Math.sin(angle) * share * (centreY - 52)),
      lineWidth: Math.min(MAX_LINE, IDLE_LINE + row.busy * LINE_PER_ANSWER),
    };
  });
}
