import { gossipsub, StrictSign } from '@libp2p/gossipsub';
import type { GossipsubOpts } from '@libp2p/gossipsub';
import {
  INVALID_MESSAGE_DECAY,
  INVALID_MESSAGE_WEIGHT,
  MAX_GOSSIP_BUFFER_BYTES,
  MAX_GOSSIP_RPC_BYTES,
  MAX_TOPIC_BYTES_PER_PEER,
  RELAY_MESH,
} from './constants.ts';

/** Gossip set up for the topics of a region's clusters, and no others. */
export const membershipGossip = (topics: readonly string[], role: 'relay' | 'peer'): ReturnType<typeof gossipsub> =>
  gossipsub(gossipOptions(topics, role));

function gossipOptions(topics: readonly string[], role: 'relay' | 'peer'): Partial<GossipsubOpts> {
  return {
    globalSignaturePolicy: StrictSign,
    emitSelf: false,
    fallbackToFloodsub: false,
    // Own adverts go to every connected subscriber, not only to the mesh: the relay always hears them.
    floodPublish: true,
    // Nobody connected is an everyday state of a tab, no failure.
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    allowedTopics: [...topics],
    maxTopicBytesPerPeer: MAX_TOPIC_BYTES_PER_PEER,
    maxInboundDataLength: MAX_GOSSIP_RPC_BYTES,
    maxOutboundBufferSize: MAX_GOSSIP_BUFFER_BYTES,
    // Both ends open one stream; a reconnecting peer may briefly have two.
    maxInboundStreams: 2,
    maxOutboundStreams: 2,
    doPX: false,
    ...(role === 'relay' ? RELAY_MESH : {}),
    scoreParams: {
      // Behind the relay's HTTP server all peers share one address: the default would silence all from the 15th on.
      IPColocationFactorWeight: 0,
      topics: Object.fromEntries(topics.map((topic) => [topic, TOPIC_SCORE])),
    },
  };
}

const TOPIC_SCORE = {
  topicWeight: 1,
  timeInMeshWeight: 0,
  timeInMeshQuantum: 1_000,
  timeInMeshCap: 1,
  firstMessageDeliveriesWeight: 0,
  firstMessageDeliveriesDecay: 0.5,
  firstMessageDeliveriesCap: 1,
  // One advert in ten seconds is what we want of a peer; the defaults punish so little traffic.
  meshMessageDeliveriesWeight: 0,
  meshMessageDeliveriesDecay: 0.5,
  meshMessageDeliveriesCap: 1,
  meshMessageDeliveriesThreshold: 1,
  meshMessageDeliveriesWindow: 10,
  meshMessageDeliveriesActivation: 1_000,
  meshFailurePenaltyWeight: 0,
  meshFailurePenaltyDecay: 0.5,
  invalidMessageDeliveriesWeight: INVALID_MESSAGE_WEIGHT,
  invalidMessageDeliveriesDecay: INVALID_MESSAGE_DECAY,
} as const;
