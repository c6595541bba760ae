import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import type { Clock } from '../../clock.ts';
import { ACTIVATIONS_PROTOCOL, createStageLinks } from '../../inference/stage-links.ts';
import type { StageLinks } from '../../inference/stage-links.ts';
import { UNMEASURED_RTT_MS } from '../../routing/constants.ts';
import type { PeerDialer } from '../peer-dialer.ts';
import { peerName } from '../peer-name.ts';
import { MAX_INBOUND_STREAMS, MAX_OUTBOUND_STREAMS } from './constants.ts';

/** The activations protocol on a libp2p node, both ways: what the stages of a chain send each other. */
export interface ActivationsService {
  readonly links: StageLinks;
  /** Takes ways that neighbours open, or no more. */
  serve(accepts: boolean): Promise<void>;
}

export interface ActivationsServiceComponents {
  readonly node: Libp2p;
  readonly dialer: Pick<PeerDialer, 'connect'>;
  readonly clock: Clock;
}

export function createActivationsService({ node, dialer, clock }: ActivationsServiceComponents): ActivationsService {
  const links = createStageLinks({
    clock,
    async openStream(peer, { signal }) {
      const { connection, direct } = await dialer.connect(peer, { signal });
      const stream = await connection.newStream(ACTIVATIONS_PROTOCOL, {
        signal,
        maxOutboundStreams: MAX_OUTBOUND_STREAMS,
        negotiateFully: false,
        // The last resort where no direct way stands; the relay's limits hold for it.
        runOnLimitedConnection: true,
      });
      return { stream, direct, rttMs: connection.rtt ?? UNMEASURED_RTT_MS };
    },
  });
  const handler = (stream: Stream, connection: Connection) => links.handle(stream, peerName(connection.remotePeer));
  return {
    links,
    async serve(accepts) {
      await node.unhandle(ACTIVATIONS_PROTOCOL);
      if (!accepts) return;
      await node.handle(ACTIVATIONS_PROTOCOL, handler, {
        maxInboundStreams: MAX_INBOUND_STREAMS,
        maxOutboundStreams: MAX_OUTBOUND_STREAMS,
        runOnLimitedConnection: true,
      });
    },
  };
}
