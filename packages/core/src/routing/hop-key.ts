import type { PeerName } from '../ids.ts';

/** Names the direct way from one peer to another; the way back is another key. */
export const hopKey = (from: PeerName, to: PeerName): string => `${from} ${to}`;
