import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, PeerId } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';

export const RELAY_ADDRESS = '/ip4/127.0.0.1/tcp/4001/ws';

export interface FakeConnectionInit {
  readonly peer: PeerId;
  readonly address: string;
  readonly direction?: 'inbound' | 'outbound';
  readonly limited?: boolean;
  /** Protocols of its open streams. */
  readonly streams?: readonly string[];
  readonly openedMs?: number;
}

/** A node that only knows its connections. */
export class FakeNode extends EventTarget {
  readonly connections: Connection[] = [];
  /** To every address dialled there is a relay. */
  readonly services = { chosenRelays: { has: () => true } };
  #count = 0;

  getConnections(peer?: PeerId): Connection[] {
    return this.connections.filter(({ remotePeer }) => peer === undefined || remotePeer.equals(peer));
  }

  /** Adds an open connection; it leaves the node when it is ended. */
  open(init: FakeConnectionInit): Connection {
    const { peer, address, direction = 'outbound', limited = false, streams = [], openedMs = 0 } = init;
    const end = () => {
      connection.status = 'closed';
      this.connections.splice(this.connections.indexOf(connection), 1);
    };
    const connection = {
      id: String((this.#count += 1)),
      remotePeer: peer,
      remoteAddr: multiaddr(address),
      direction,
      limits: limited ? {} : undefined,
      status: 'open',
      streams: streams.map((protocol) => ({ protocol })),
      timeline: { open: openedMs },
      close: () => Promise.resolve(end()),
      abort: end,
    } as unknown as Connection;
    this.connections.push(connection);
    this.dispatchEvent(new CustomEvent('connection:open', { detail: connection }));
    return connection;
  }

  identify(connection: Connection): void {
    this.dispatchEvent(new CustomEvent('peer:identify', { detail: { connection } }));
  }
}

export const randomPeer = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKeyPair('Ed25519'));
