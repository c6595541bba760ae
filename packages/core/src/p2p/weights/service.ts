import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import type { Clock } from '../../clock.ts';
import type { PeerRegistry } from '../../membership/peer-view.ts';
import { WEIGHTS_PROTOCOL } from '../../weights/constants.ts';
import { createWeightsExchange } from '../../weights/exchange.ts';
import type { WeightsExchangeInit } from '../../weights/exchange.ts';
import type { WeightsExchange } from '../../weights/types.ts';
import type { PeerDialer } from '../peer-dialer.ts';
import { peerName } from '../peer-name.ts';
import { MAX_INBOUND_STREAMS, MAX_OUTBOUND_STREAMS } from './constants.ts';

/** The weights protocol on a libp2p node, both ways. */
export interface WeightsService {
  readonly exchange: WeightsExchange;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface WeightsServiceComponents {
  readonly node: Libp2p;
  readonly dialer: Pick<PeerDialer, 'connect' | 'isReachable'>;
  readonly registry: Pick<PeerRegistry, 'peers'>;
  readonly clock: Clock;
  random(): number;
}

/** Only over direct connections: a relay carries no weights, and its limits would end them. */
export function createWeightsService(
  { node, dialer, registry, clock, random }: WeightsServiceComponents,
  init: WeightsExchangeInit = {},
): WeightsService {
  const self = peerName(node.peerId);
  const exchange = createWeightsExchange(
    {
      clock,
      random,
      candidates: (manifest) =>
        registry
          .peers()
          .filter(({ peer, advert }) => peer !== self && advert.models.some((model) => model.manifest === manifest))
          .map(({ peer }) => peer)
          .filter((peer) => dialer.isReachable(peer)),
      async openStream(peer, { signal }) {
        const { connection } = await dialer.connect(peer, { signal, directOnly: true });
        return connection.newStream(WEIGHTS_PROTOCOL, { signal, maxOutboundStreams: MAX_OUTBOUND_STREAMS });
      },
    },
    init,
  );
  const handler = (stream: Stream, connection: Connection) => exchange.handle(stream, peerName(connection.remotePeer));
  return {
    exchange,
    start: () =>
      node.handle(WEIGHTS_PROTOCOL, handler, {
        maxInboundStreams: MAX_INBOUND_STREAMS,
        maxOutboundStreams: MAX_OUTBOUND_STREAMS,
      }),
    async stop() {
      exchange.stop();
      await node.unhandle(WEIGHTS_PROTOCOL);
    },
  };
}
