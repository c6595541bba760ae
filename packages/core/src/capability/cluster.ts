import type { Tier } from './tiers.ts';

/** All nodes of a region that serve one tier, e.g. `asia-model-a`. */
export const clusterName = (region: string, tier: Tier): string => `${region}-${tier}`;

/** The gossip topic on which a cluster's members announce themselves. */
export const clusterTopic = (region: string, tier: Tier): string =>
  `opengateway/1/${clusterName(region, tier)}/members`;
