import { createWeightsExchange, systemClock } from '@opengateway/core';
import { streamPair } from '@opengateway/core/testing';
import type { Clock, PeerName, ServedWeightsExchange } from '@opengateway/core';

/** A device's exchange with those in `peers`, over streams in memory. */
export const exchangeAmong = (
  peers: ReadonlyMap<string, ServedWeightsExchange>,
  name: string,
  clock: Clock = systemClock,
): ServedWeightsExchange =>
  createWeightsExchange(
    {
      clock,
      random: Math.random,
      candidates: () => [...peers.keys()].filter((peer) => peer !== name) as PeerName[],
      async openStream(peer) {
        const [near, far] = await streamPair();
        void peers.get(peer)?.handle(far, name as PeerName);
        return near;
      },
    },
    { uploadBytesPerSecond: Infinity },
  );
