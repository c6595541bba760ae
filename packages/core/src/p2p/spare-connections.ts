import type { Connection, IdentifyResult, PeerId } from '@libp2p/interface';
import type { Clock } from '../clock.ts';
import { isByAddress, isDirect, isRelayed, isSpare } from './connection-kind.ts';
import { PEER_BUSY_CONNECTIONS, RELAYED_LINGER_MS } from './constants.ts';
import { endConnection } from './end-connection.ts';
import type { OpenGatewayNode } from './node.ts';

export interface SpareConnectionsComponents {
  readonly node: Pick<OpenGatewayNode, 'getConnections' | 'addEventListener' | 'removeEventListener'> & {
    readonly services: Pick<OpenGatewayNode['services'], 'chosenRelays'>;
  };
  readonly clock: Clock;
}

/**
 * Ends connections of a peer that serve nothing any more: relayed ones some time after a direct one stands beside
 * them, and, above `PEER_BUSY_CONNECTIONS`, the oldest ones without a stream of anybody's work. Those to chosen relays
 * stay.
 *
 * Returns what ends the watch.
 */
export function endSpareConnections({ node, clock }: SpareConnectionsComponents): () => void {
  const stopped = new AbortController();
  const isToRelay = (connection: Connection) =>
    isByAddress(connection) && node.services.chosenRelays.has(connection.remotePeer);

  const endRelayed = (peer: PeerId) => {
    const connections = node.getConnections(peer);
    if (!connections.some(isDirect)) return;
    connections
      .filter((other) => isRelayed(other) && other.direction === 'outbound' && isSpare(other))
      .forEach((connection) => void endConnection(connection));
  };
  const makeRoom = (newcomer: Connection) => {
    const all = node.getConnections();
    all
      .filter((other) => other.id !== newcomer.id && !isToRelay(other) && isSpare(other))
      .sort((a, b) => a.timeline.open - b.timeline.open)
      .slice(0, Math.max(0, all.length - PEER_BUSY_CONNECTIONS))
      .forEach((connection) => void endConnection(connection));
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
