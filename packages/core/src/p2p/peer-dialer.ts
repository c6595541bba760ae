import type { Connection, PeerId } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import type { Multiaddr } from '@multiformats/multiaddr';
import type { Clock } from '../clock.ts';
import { errorCode } from '../errors.ts';
import type { PeerName } from '../ids.ts';
import type { StructuredLogger } from '../inference/logger.ts';
import { UNMEASURED_RTT_MS } from '../routing/constants.ts';
import { withDeadline } from '../wire/deadline.ts';
import { raceAbort } from '../wire/race-abort.ts';
import { isByAddress, isDirect, isRelayed, newest } from './connection-kind.ts';
import {
  DIRECT_DIAL_TIMEOUT_MS,
  DIRECT_RETRY_MS,
  FIRST_PING_TIMEOUT_MS,
  MAX_DIALS_AT_ONCE,
  MAX_INDIRECT_PEERS,
  MAX_WAITING_DIALS,
  RELAYED_DIAL_TIMEOUT_MS,
} from './constants.ts';
import { PeerUnreachableError } from './errors.ts';
import { measureRoundTrip } from './measure-round-trip.ts';
import type { OpenGatewayNode } from './node.ts';
import { createTurns } from './turns.ts';

export interface PeerDialerComponents {
  readonly node: Pick<OpenGatewayNode, 'dial' | 'getConnections' | 'addEventListener' | 'removeEventListener'> & {
    readonly services: Pick<OpenGatewayNode['services'], 'chosenRelays'>;
  };
  readonly clock: Clock;
  readonly logger?: StructuredLogger | undefined;
}

export interface PeerDialerInit {
  /** A `relay` only uses connections that its peers opened. */
  readonly role: 'relay' | 'peer';
}

/** A way to a peer: over a direct connection, or through the relay and its limits. */
export interface PeerRoute {
  readonly connection: Connection;
  readonly direct: boolean;
}

export interface ConnectOptions {
  readonly signal: AbortSignal;
  /** Whether a connection through the relay is of no use. @default false */
  readonly directOnly?: boolean;
}

/** Finds and makes connections to other peers: direct ones by WebRTC, with the relay as go-between. */
export interface PeerDialer {
  /**
   * An open direct connection to the peer, else a new one, else one through the relay; after that no direct one is
   * tried for `DIRECT_RETRY_MS`. Streams on one that is not direct need `runOnLimitedConnection`.
   *
   * @throws `peer_unreachable` within `DIRECT_DIAL_TIMEOUT_MS + RELAYED_DIAL_TIMEOUT_MS`, or the signal's reason.
   */
  connect(peer: PeerName, options: ConnectOptions): Promise<PeerRoute>;
  /** Whether an open direct connection stands. */
  isConnected(peer: PeerName): boolean;
  /** Whether a connection stands or may be made. */
  isReachable(peer: PeerName): boolean;
  /**
   * Round trip over the connection that `connect` would use, in ms; `UNMEASURED_RTT_MS` where none is measured
   * yet or one has to be made first; undefined where the peer is out of reach.
   */
  rttMs(peer: PeerName): number | undefined;
  /** Ends dials under way, and the watch over connections. */
  stop(): void;
}

export function createPeerDialer(components: PeerDialerComponents, { role }: PeerDialerInit): PeerDialer {
  const { node, clock, logger } = components;
  const stopped = new AbortController();
  const turns = createTurns({ atOnce: MAX_DIALS_AT_ONCE, waiting: MAX_WAITING_DIALS });
  const directDials = new Map<PeerName, SharedDial>();
  const relayedDials = new Map<PeerName, SharedDial>();
  /** Peers that only the relay reached, and when. */
  const indirect = new Map<PeerName, number>();

  const relays = (): Multiaddr[] =>
    role === 'relay'
      ? []
      : node
          .getConnections()
          .filter((connection) => isByAddress(connection) && node.services.chosenRelays.has(connection.remotePeer))
          .map(({ remoteAddr }) => remoteAddr);
  const directTo = (id: PeerId) => newest(node.getConnections(id).filter(isDirect));
  const relayedTo = (id: PeerId) => newest(node.getConnections(id).filter(isRelayed));

  /**
   * Dials through every relay; what came about meanwhile, dialled by the other side, is as good. Forced: else libp2p
   * ends the second of two connections to one address, and two peers that dial each other may end one each.
   */
  const dial = async (peer: PeerName, id: PeerId, { path, ms, existing, unwanted }: DialInit): Promise<Connection> => {
    const addresses = relays().map((address) => address.encapsulate(`${path}/p2p/${peer}`));
    const refused = () => new PeerUnreachableError(peer);
    if (addresses.length === 0) throw refused();
    try {
      return await withDeadline({ clock, ms, error: refused, signal: stopped.signal }, (signal) =>
        turns.take(
          () =>
            existingOr(id, existing, signal, () => raceAbort(node.dial(addresses, { signal, force: true }), signal)),
          // Once its turn has come a dial goes on, as the other side may rely on it.
          { signal: AbortSignal.any([signal, unwanted]), refused },
        ),
      );
    } catch (error) {
      const connection = existing(id);
      if (connection !== undefined) return connection;
      if (errorCode(error) === 'peer_unreachable') throw error;
      // Dials fail in as many ways as there are networks: each means that there is no way now.
      logger?.debug({ peer, message: String(error) }, 'dial failed');
      throw new PeerUnreachableError(peer, { cause: error });
    }
  };

  /** The connection that `work` makes, or one that opens before; `work` then goes on, as the other side may rely on it. */
  const existingOr = async (
    id: PeerId,
    existing: (id: PeerId) => Connection | undefined,
    signal: AbortSignal,
    work: () => Promise<Connection>,
  ): Promise<Connection> => {
    const connection = existing(id);
    if (connection !== undefined) return connection;
    const opened = Promise.withResolvers<Connection>();
    const onOpen = ({ detail }: CustomEvent<Connection>) => {
      if (!detail.remotePeer.equals(id)) return;
      const found = existing(id);
      if (found !== undefined) opened.resolve(found);
    };
    node.addEventListener('connection:open', onOpen);
    try {
      return await Promise.race([work(), opened.promise]);
    } finally {
      node.removeEventListener('connection:open', onOpen);
    }
  };

  const dialDirect = (peer: PeerName, id: PeerId, signal: AbortSignal) =>
    shared(directDials, peer, signal, (unwanted) =>
      dial(peer, id, { path: '/p2p-circuit/webrtc', ms: DIRECT_DIAL_TIMEOUT_MS, existing: directTo, unwanted }),
    );
  const dialRelayed = (peer: PeerName, id: PeerId, signal: AbortSignal) =>
    shared(relayedDials, peer, signal, (unwanted) =>
      dial(peer, id, {
        path: '/p2p-circuit',
        ms: RELAYED_DIAL_TIMEOUT_MS,
        existing: (to) => directTo(to) ?? relayedTo(to),
        unwanted,
      }),
    );

  const remember = (peer: PeerName) => {
    if (clock.now() - (indirect.get(peer) ?? -Infinity) < DIRECT_RETRY_MS) return;
    indirect.delete(peer);
    indirect.set(peer, clock.now());
    const [oldest] = indirect.keys();
    if (indirect.size > MAX_INDIRECT_PEERS && oldest !== undefined) indirect.delete(oldest);
  };

  const measure = async (connection: Connection) => {
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(FIRST_PING_TIMEOUT_MS)]);
    try {
      connection.rtt ??= await measureRoundTrip(connection, { signal });
    } catch (error) {
      logger?.debug({ message: String(error) }, 'no answer to the first ping');
    }
  };
  const onOpen = ({ detail: connection }: CustomEvent<Connection>) => {
    if (role === 'peer' && isDirect(connection)) void measure(connection);
  };
  node.addEventListener('connection:open', onOpen);

  const rttMs = (peer: PeerName): number | undefined => {
    const id = peerIdOf(peer);
    if (id === undefined) return undefined;
    const direct = directTo(id);
    if (direct !== undefined) return direct.rtt ?? UNMEASURED_RTT_MS;
    return relays().length === 0 ? undefined : UNMEASURED_RTT_MS;
  };

  return {
    async connect(peer, { signal, directOnly = false }) {
      signal.throwIfAborted();
      const id = peerIdOf(peer);
      if (id === undefined) throw new PeerUnreachableError(peer);
      const standing = directTo(id);
      if (standing !== undefined) return { connection: standing, direct: true };
      if (clock.now() - (indirect.get(peer) ?? -Infinity) >= DIRECT_RETRY_MS) {
        try {
          return { connection: await dialDirect(peer, id, signal), direct: true };
        } catch (error) {
          signal.throwIfAborted();
          if (directOnly) throw error;
        }
      }
      if (directOnly) throw new PeerUnreachableError(peer);
      const connection = await dialRelayed(peer, id, signal);
      const direct = isDirect(connection);
      if (!direct) remember(peer);
      return { connection, direct };
    },
    isConnected(peer) {
      const id = peerIdOf(peer);
      return id !== undefined && directTo(id) !== undefined;
    },
    isReachable: (peer) => rttMs(peer) !== undefined,
    rttMs,
    stop() {
      stopped.abort();
      node.removeEventListener('connection:open', onOpen);
    },
  };
}

interface DialInit {
  readonly path: string;
  readonly ms: number;
  existing(id: PeerId): Connection | undefined;
  /** Aborted when nobody waits for it any more. */
  readonly unwanted: AbortSignal;
}

interface SharedDial {
  readonly made: Promise<Connection>;
  readonly unwanted: AbortController;
  waiting: number;
}

/** One dial at a time per peer, whoever asks for it; given up before its turn where all who asked have gone. */
async function shared(
  dials: Map<PeerName, SharedDial>,
  peer: PeerName,
  signal: AbortSignal,
  begin: (unwanted: AbortSignal) => Promise<Connection>,
): Promise<Connection> {
  const dial = dials.get(peer) ?? start(dials, peer, begin);
  dial.waiting += 1;
  try {
    return await raceAbort(dial.made, signal);
  } finally {
    dial.waiting -= 1;
    if (dial.waiting === 0) {
      // Whoever comes next begins anew, and not with what was given up.
      if (dials.get(peer) === dial) dials.delete(peer);
      dial.unwanted.abort(new PeerUnreachableError(peer));
    }
  }
}

function start(
  dials: Map<PeerName, SharedDial>,
  peer: PeerName,
  begin: (unwanted: AbortSignal) => Promise<Connection>,
): SharedDial {
  const unwanted = new AbortController();
  const dial: SharedDial = { made: begin(unwanted.signal), unwanted, waiting: 0 };
  dials.set(peer, dial);
  dial.made.catch(() => {}); // told to whoever still waits
  return dial;
}

/** Names come from other peers too: one that is none is that of a peer nobody reaches. */
function peerIdOf(peer: PeerName): PeerId | undefined {
  try {
    return peerIdFromString(peer);
  } catch {
    return undefined; // whatever the parser says, there is nobody to dial
  }
}
