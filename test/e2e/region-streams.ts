import type { PeerName } from '@opengateway/core';
import type { Network } from '@opengateway/core/p2p';

/** Whoever was connected to a node, and all protocols spoken on that, by either side. */
export interface MetPeer {
  readonly peer: PeerName;
  readonly protocols: readonly string[];
}

type Middleware = (stream: { protocol: string }, connection: { remotePeer: object }, next: Next) => void;
type Next = (stream: unknown, connection: unknown) => void;

/** The part of libp2p that its type leaves out: every stream of every connection passes here, whoever opens it. */
interface Passage {
  getMiddleware(protocol: string): Middleware[];
}

/** Takes note of all connections and streams, however short. */
export function watchStreams({ node }: Pick<Network, 'node'>): () => MetPeer[] {
  const met = new Map<string, Set<string>>();
  const protocolsWith = (peer: string) => {
    const protocols = met.get(peer) ?? new Set();
    met.set(peer, protocols);
    return protocols;
  };
  node.addEventListener('connection:open', ({ detail }) => void protocolsWith(String(detail.remotePeer)));
  const { registrar } = (node as unknown as { components: { registrar: Passage } }).components;
  const getMiddleware = registrar.getMiddleware.bind(registrar);
  registrar.getMiddleware = (protocol) => [
    (stream, connection, next) => {
      protocolsWith(String(connection.remotePeer)).add(stream.protocol);
      next(stream, connection);
    },
    ...getMiddleware(protocol),
  ];
  return () => Array.from(met, ([peer, protocols]) => ({ peer: peer as PeerName, protocols: [...protocols] }));
}
