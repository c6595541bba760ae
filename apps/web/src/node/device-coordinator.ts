import { createCoordinator, createPeerRegistry, systemClock } from '@opengateway/core';
import { NoPeersError } from './errors.ts';
import type { Coordinator, Generator, PeerName, ServedModel } from '@opengateway/core';

/** A coordinator that knows no peers but this tab: what it is asked cannot leave it. */
export const createDeviceCoordinator = (components: {
  peer: PeerName;
  generator: Generator;
  /** What the engine has loaded now, announced or not. */
  served: () => readonly ServedModel[];
}): Coordinator => {
  const { peer, generator, served } = components;
  return createCoordinator({
    registry: createPeerRegistry({ clock: systemClock }),
    openSession: () => Promise.reject(new NoPeersError()),
    rttMs: () => undefined,
    clock: systemClock,
    random: Math.random,
    local: { peer, generator, served: (manifest) => served().find((model) => model.manifest === manifest) },
  });
};
