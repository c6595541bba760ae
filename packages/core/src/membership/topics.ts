/** The gossip topic on which a region's peers announce themselves. */
export const membershipTopic = (region: string): string => `opengateway/1/${region}/members`;
