import type { Connection, Libp2p } from '@libp2p/interface';
import { isWebRtc } from './connection-kind.ts';

/**
 * Ends a peer's older inbound connection when it dials again: whoever dials anew has lost the old one, but
 * this side may not notice for tens of seconds, and would open sessions on it and keep gossip bound to it.
 * Only one of the same kind: WebRTC beside a WebSocket replaces nothing. What this side dialled stays as well,
 * so that two peers that dial each other at once do not end each other's connection.
 *
 * Returns what ends the watch.
 */
export function replaceLostConnections(node: Libp2p): () => void {
  const onOpen = (event: CustomEvent<Connection>) => {
    const opened = event.detail;
    if (!isDirectInbound(opened)) return;
    for (const older of node.getConnections(opened.remotePeer)) {
      if (older.id === opened.id || !isDirectInbound(older) || isWebRtc(older) !== isWebRtc(opened)) continue;
      if (older.timeline.open <= opened.timeline.open) older.abort(new Error('The peer dialled again.'));
    }
  };
  node.addEventListener('connection:open', onOpen);
  return () => node.removeEventListener('connection:open', onOpen);
}

const isDirectInbound = ({ direction, limits }: Connection): boolean => direction === 'inbound' && limits === undefined;
