import type { Connection, IdentifyResult, PeerId } from '@libp2p/interface';
import type { Clock } from '../clock.ts';
import { isDirect, isRelayed, isToRelay } from './connection-kind.ts';
import { PEER_BUSY_CONNECTIONS, RELAYED_LINGER_MS } from './constants.ts';
import type { OpenGatewayNode } from './node.ts';

/** What runs on every connection, wanted or not. */
const BACKGROUND_PROTOCOLS = /^\/(ipfs\/(id|ping)|meshsub|floodsub)\//;

export interface SpareConnectionsComponents {
  readonly node: Pick<OpenGatewayNode, 'getConnections' | 'addEventListener' | 'removeEventListener'>;
  readonly clock: Clock;
}

/**
 * Ends connections of a peer that serve nothing any more: relayed ones some time after a direct one stands beside
 * them, and, above `PEER_BUSY_CONNECTIONS`, the oldest ones without a stream of anybody's work. Those to a relay
 * stay.
 *
 * Returns what ends the watch.
 */
export function endSpareConnections({ node, clock }: SpareConnectionsComponents): () => void {
  const stopped = new AbortController();

  const endRelayed = (peer: PeerId) => {
    const connections = node.getConnections(peer);
    if (!connections.some(isDirect)) return;
    connections.filter((other) => isRelayed(other) && other.direction === 'outbound' && isSpare(other)).forEach(end);
  };
  const makeRoom = (newcomer: Connection) => {
    const all = node.getConnections();
    all
      .filter((other) => other.id !== newcomer.id && !isToRelay(other) && isSpare(other))
      .sort((a, b) => a.timeline.open - b.timeline.open)
      .slice(0, Math.max(0, all.length - PEER_BUSY_CONNECTIONS))
      .forEach(end);
  };
  const onIdentified = ({ detail: { connection } }: CustomEvent<IdentifyResult>) => {
    makeRoom(connection);
    const { remotePeer } = connection;
    if (!isDirect(connection) || !node.getConnections(remotePeer).some(isRelayed)) return;
    clock.sleep(RELAYED_LINGER_MS, stopped.signal).then(
      () => endRelayed(remotePeer),
      () => {}, // stopped: the node closes them all
    );
  };

  node.addEventListener('peer:identify', onIdentified);
  return () => {
    stopped.abort();
    node.removeEventListener('peer:identify', onIdentified);
  };
}

/** Whether nothing but what runs on every connection runs on this one; a stream not named yet may be anything. */
const isSpare = ({ streams }: Connection): boolean =>
  streams.every(({ protocol }) => BACKGROUND_PROTOCOLS.test(protocol));

function end(connection: Connection): void {
  connection.close().catch((error: Error) => connection.abort(error));
}
