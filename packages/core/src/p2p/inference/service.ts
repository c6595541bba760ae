import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { errorCode } from '../../errors.ts';
import { SessionLostError } from '../../inference/errors.ts';
import { INFERENCE_PROTOCOL } from '../../inference/messages.ts';
import { openRemoteSession } from '../../inference/remote-session.ts';
import type { OpenSession } from '../../inference/stage-session.ts';
import type { Stage } from '../../inference/stage.ts';
import { isExpectedNetworkError } from '../network-errors.ts';
import type { PeerDialer } from '../peer-dialer.ts';
import { peerName } from '../peer-name.ts';
import { MAX_INBOUND_STREAMS, MAX_OUTBOUND_STREAMS } from './constants.ts';

/** The inference protocol on a libp2p node, both ways. */
export interface InferenceService {
  /** Answers inbound sessions with `stage`; null stops that. */
  serve(stage: Stage | null): Promise<void>;
  /** Opens a session over a direct connection, made where there is none. @throws `session_lost` if that fails. */
  readonly openSession: OpenSession;
}

export interface InferenceServiceComponents {
  readonly node: Libp2p;
  readonly dialer: Pick<PeerDialer, 'connect'>;
}

export function createInferenceService({ node, dialer }: InferenceServiceComponents): InferenceService {
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
      try {
        const { connection } = await dialer.connect(peer, { signal, directOnly: true });
        const stream = await connection.newStream(INFERENCE_PROTOCOL, {
          signal,
          maxOutboundStreams: MAX_OUTBOUND_STREAMS,
          // The protocol's name and `open` leave together: one round trip less before the first token.
          negotiateFully: false,
        });
        const session = await openRemoteSession(stream, request, { signal });
        return {
          next: () => session.next().catch((error: unknown) => rethrow(error, signal)),
          finish: () => session.finish(),
          close: () => session.close(),
        };
      } catch (error) {
        return rethrow(error, signal);
      }
    },
  };
}

/** Network trouble as `session_lost`, the client's own abort and our own faults as they are. */
function rethrow(error: unknown, signal: AbortSignal): never {
  signal.throwIfAborted();
  if (isExpectedNetworkError(error) || errorCode(error) === 'peer_unreachable')
    throw new SessionLostError('The connection to the peer was lost.', { cause: error });
  throw error;
}
