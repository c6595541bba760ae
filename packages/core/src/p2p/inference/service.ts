import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import type { PeerName } from '../../ids.ts';
import { SessionLostError } from '../../inference/errors.ts';
import { INFERENCE_PROTOCOL } from '../../inference/messages.ts';
import { openRemoteSession } from '../../inference/remote-session.ts';
import type { OpenSession } from '../../inference/stage-session.ts';
import type { Stage } from '../../inference/stage.ts';
import { UNMEASURED_RTT_MS } from '../../routing/constants.ts';
import { isExpectedNetworkError } from '../network-errors.ts';
import { peerName } from '../peer-name.ts';
import { MAX_INBOUND_STREAMS, MAX_OUTBOUND_STREAMS } from './constants.ts';

/** The inference protocol on a libp2p node, both ways. */
export interface InferenceService {
  /** Answers inbound sessions with `stage`; null stops that. */
  serve(stage: Stage | null): Promise<void>;
  /** Opens a session over a connection that exists already. @throws `session_lost` where there is none. */
  readonly openSession: OpenSession;
  /** Measured round trip to a connected peer; undefined where there is no usable connection. */
  rttMs(peer: PeerName): number | undefined;
}

export function createInferenceService({ node }: { node: Libp2p }): InferenceService {
  return {
    async serve(stage) {
      await node.unhandle(INFERENCE_PROTOCOL);
      if (stage === null) return;
      const handler = (stream: Stream, connection: Connection) => stage.handle(stream, peerName(connection.remotePeer));
      await node.handle(INFERENCE_PROTOCOL, handler, {
        maxInboundStreams: MAX_INBOUND_STREAMS,
        maxOutboundStreams: MAX_OUTBOUND_STREAMS,
      });
    },
    async openSession(peer, request, { signal }) {
      const connection = usableConnection(node, peer);
      if (connection === undefined) throw new SessionLostError('The peer is not connected.');
      try {
        const stream = await connection.newStream(INFERENCE_PROTOCOL, {
          signal,
          maxOutboundStreams: MAX_OUTBOUND_STREAMS,
          // The protocol's name and `open` leave together: one round trip less before the first token.
          negotiateFully: false,
        });
        const session = await openRemoteSession(stream, request, { signal });
        return {
          next: () => session.next().catch((error: unknown) => rethrow(error, signal)),
          close: () => session.close(),
        };
      } catch (error) {
        return rethrow(error, signal);
      }
    },
    rttMs(peer) {
      const connection = usableConnection(node, peer);
      return connection === undefined ? undefined : (connection.rtt ?? UNMEASURED_RTT_MS);
    },
  };
}

/** The newest open connection without a relay's limits on time and bytes. */
function usableConnection(node: Libp2p, peer: PeerName): Connection | undefined {
  return node
    .getConnections(peerIdFromString(peer))
    .filter(({ status, limits }) => status === 'open' && limits === undefined)
    .reduce<Connection | undefined>(
      (newest, next) => (newest === undefined || next.timeline.open >= newest.timeline.open ? next : newest),
      undefined,
    );
}

/** Network trouble as `session_lost`, the client's own abort and our own faults as they are. */
function rethrow(error: unknown, signal: AbortSignal): never {
  signal.throwIfAborted();
  if (isExpectedNetworkError(error))
    throw new SessionLostError('The connection to the peer was lost.', { cause: error });
  throw error;
}
