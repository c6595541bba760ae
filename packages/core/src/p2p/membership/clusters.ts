import type { GossipSub } from '@libp2p/gossipsub';
import type { Libp2pEvents, PeerId, TypedEventTarget } from '@libp2p/interface';
import { clusterTopic } from '../../capability/cluster.ts';
import { TIERS } from '../../capability/tiers.ts';
import type { Tier } from '../../capability/tiers.ts';
import type { Clock } from '../../clock.ts';
import type { PeerName } from '../../ids.ts';
import type { StructuredLogger } from '../../inference/logger.ts';
import { mergeRegistries } from '../../membership/merge-registries.ts';
import { createPeerRegistry } from '../../membership/peer-registry.ts';
import type { PeerRegistry } from '../../membership/peer-view.ts';
import { createMembershipService } from './service.ts';
import type { MembershipService, Presence } from './service.ts';

export interface ClustersComponents {
  readonly pubsub: GossipSub;
  readonly events: TypedEventTarget<Libp2pEvents>;
  readonly self: PeerId;
  /** Whether a direct connection to the peer stands. */
  isConnected(peer: PeerName): boolean;
  /** Whether it is a relay that this node chose. */
  isRelay(peer: PeerId): boolean;
  readonly clock: Clock;
  readonly logger?: StructuredLogger | undefined;
}

export interface ClustersInit {
  readonly region: string;
  readonly role: 'relay' | 'peer';
  /** Clusters that are heard from the start. */
  readonly tiers: readonly Tier[];
}

/** Membership of a region's clusters: each has its own topic and its own adverts. */
export interface Clusters {
  /** The peers of all clusters that are heard. */
  readonly registry: PeerRegistry;
  /** Joins the clusters that are heard. */
  start(): void;
  stop(): void;
  /** Announces this node in `tiers` from now on, which are heard as well. */
  setPresence(tiers: readonly Tier[], presence: () => Presence): void;
  /** Says that the presence changed. */
  announce(): void;
  /** Publishes one last advert wherever this node is announced. */
  leave(last: Presence): Promise<void>;
}

/** The gossip topics of all clusters of a region. */
export const clusterTopics = (region: string): readonly string[] => TIERS.map((tier) => clusterTopic(region, tier));

export function createClusters(components: ClustersComponents, { region, role, tiers }: ClustersInit): Clusters {
  const { clock, isConnected } = components;
  const clusters = new Map(
    TIERS.map((tier) => {
      const registry = createPeerRegistry({ clock, isConnected }, { tier, connectedOnly: role === 'relay' });
      const topic = clusterTopic(region, tier);
      return [tier, { registry, service: createMembershipService({ ...components, registry }, { topic, role }) }];
    }),
  );
  const heard = new Set<Tier>();
  let announced: readonly MembershipService[] = [];

  const services = (of: Iterable<Tier>) =>
    [...of].flatMap((tier) => {
      const cluster = clusters.get(tier);
      return cluster === undefined ? [] : [cluster.service];
    });
  const hear = (tier: Tier) => {
    if (heard.has(tier)) return;
    heard.add(tier);
    clusters.get(tier)?.service.start();
  };

  return {
    registry: mergeRegistries([...clusters.values()].map(({ registry }) => registry)),
    start: () => tiers.forEach(hear),
    stop: () => services(heard).forEach((service) => service.stop()),
    setPresence(members, presence) {
      announced = services(new Set(members));
      members.forEach(hear);
      for (const service of announced) service.setPresence(presence);
    },
    announce: () => announced.forEach((service) => service.announce()),
    async leave(last) {
      await Promise.all(announced.map((service) => service.leave(last)));
    },
  };
}
