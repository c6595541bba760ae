import type { PeerId } from '@libp2p/interface';
import type { PeerName } from '../ids.ts';

/** A libp2p peer id as the rest of the project knows it. */
export const peerName = (peer: PeerId): PeerName => peer.toString() as PeerName;
