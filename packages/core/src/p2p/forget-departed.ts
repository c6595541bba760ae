import { RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2';
import type { Peer, PeerId } from '@libp2p/interface';
import type { Clock } from '../clock.ts';
import { FORGET_PEER_MS, MAX_DEPARTED_PEERS, MAX_DEPARTED_RELAYS } from './constants.ts';
import type { OpenGatewayNode } from './node.ts';
import { DHT_PROTOCOL } from './relays/constants.ts';

export interface ForgetDepartedComponents {
  readonly node: Pick<OpenGatewayNode, 'getConnections' | 'addEventListener' | 'removeEventListener'> & {
    readonly peerStore: Pick<OpenGatewayNode['peerStore'], 'get' | 'delete'>;
  };
  readonly clock: Clock;
}

interface Departed {
  readonly peer: PeerId;
  readonly atMs: number;
}

/**
 * Frees what a relay's peer store holds of those who left, `FORGET_PEER_MS` later: libp2p keeps it until somebody asks
 * for it, which nobody does. What is known of other relays stays, to dial them again.
 *
 * Returns what ends the watch.
 */
export function forgetDeparted({ node, clock }: ForgetDepartedComponents): () => void {
  const stopped = new AbortController();
  /** By name, who left first at the beginning. */
  const departed = new Map<string, Departed>();
  const relays = new Map<string, PeerId>();
  let isSweeping = false;

  const drop = async (peer: PeerId) => {
    relays.delete(peer.toString());
    if (node.getConnections(peer).length === 0) await node.peerStore.delete(peer).catch(() => {}); // was not kept
  };

  const forget = async (peer: PeerId) => {
    departed.delete(peer.toString());
    if (node.getConnections(peer).length > 0) return;
    const known: Peer | undefined = await node.peerStore.get(peer).catch(() => undefined); // is not kept any more
    if (known === undefined) return;
    if (!isRelay(known)) return await drop(peer);
    relays.delete(peer.toString());
    relays.set(peer.toString(), peer);
    const [first] = relays.values();
    if (relays.size > MAX_DEPARTED_RELAYS && first !== undefined) await drop(first);
  };

  const sweep = async () => {
    isSweeping = true;
    try {
      for (let [first] = departed.values(); first !== undefined; [first] = departed.values()) {
        const waitMs = first.atMs + FORGET_PEER_MS - clock.now();
        if (waitMs > 0) await clock.sleep(waitMs, stopped.signal);
        else await forget(first.peer);
      }
    } finally {
      isSweeping = false;
    }
  };

  const onDisconnect = ({ detail: peer }: CustomEvent<PeerId>) => {
    const name = peer.toString();
    departed.delete(name);
    departed.set(name, { peer, atMs: clock.now() });
    const [first] = departed.values();
    if (departed.size > MAX_DEPARTED_PEERS && first !== undefined) void forget(first.peer);
    // Rejects only when stopped: the store ends with the node.
    if (!isSweeping) sweep().catch(() => {});
  };

  node.addEventListener('peer:disconnect', onDisconnect);
  return () => {
    stopped.abort();
    node.removeEventListener('peer:disconnect', onDisconnect);
  };
}

/**
 * Relays answer in the DHT. libp2p thinks so of everybody who has asked there as well; but those are peers, to whom
 * relays bring connections.
 */
const isRelay = ({ protocols }: Peer): boolean =>
  protocols.includes(DHT_PROTOCOL) && !protocols.includes(RELAY_V2_STOP_CODEC);
