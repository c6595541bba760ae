import { membershipTopic } from '../membership/topics.ts';
import type { Region } from './region.ts';
import type { Tier } from './tiers.ts';

/** All nodes of a region that serve one tier, e.g. `asia-model-a`. */
export const clusterName = (region: Region | 'local', tier: Tier): string => `${region}-${tier}`;

/** The gossip topic of a cluster; adverts on it are those of the region's own topic. */
export const clusterTopic = (region: Region | 'local', tier: Tier): string =>
  membershipTopic(clusterName(region, tier));
