import type { Connection, IdentifyResult } from '@libp2p/interface';
import { isDirect, isRelayed, isToRelay } from './connection-kind.ts';
import { PEER_BUSY_CONNECTIONS } from './constants.ts';
import type { OpenGatewayNode } from './node.ts';

/** What runs on every connection, wanted or not. */
const BACKGROUND_PROTOCOLS = /^\/(ipfs\/(id|ping)|meshsub|floodsub)\//;

/**
 * Ends connections of a peer that serve nothing any more: relayed ones once a direct one stands beside them, and,
 * above `PEER_BUSY_CONNECTIONS`, the oldest ones without a stream of anybody's work. Those to a relay stay.
 *
 * Returns what ends the watch.
 */
export function endSpareConnections(
  node: Pick<OpenGatewayNode, 'getConnections' | 'addEventListener' | 'removeEventListener'>,
): () => void {
  // Not when it opens: until the other side has answered on it, it may still be busy on the relayed one.
  const onIdentified = ({ detail: { connection } }: CustomEvent<IdentifyResult>) => {
    if (!isDirect(connection)) return;
    for (const other of node.getConnections(connection.remotePeer)) {
      if (isRelayed(other) && other.direction === 'outbound' && isSpare(other)) end(other);
    }
    const all = node.getConnections();
    all
      .filter((other) => other.id !== connection.id && !isToRelay(other) && isSpare(other))
      .sort((a, b) => a.timeline.open - b.timeline.open)
      .slice(0, Math.max(0, all.length - PEER_BUSY_CONNECTIONS))
      .forEach(end);
  };
  node.addEventListener('peer:identify', onIdentified);
  return () => node.removeEventListener('peer:identify', onIdentified);
}

/** Whether nothing but what runs on every connection runs on this one; a stream not named yet may be anything. */
const isSpare = ({ streams }: Connection): boolean =>
  streams.every(({ protocol }) => BACKGROUND_PROTOCOLS.test(protocol));

function end(connection: Connection): void {
  connection.close().catch((error: Error) => connection.abort(error));
}
