/** One gossip RPC: an advert is 2.5 KiB at most, lists of message ids are what takes the room. */
export const MAX_GOSSIP_RPC_BYTES = 262_144;

/** Gossip waiting for one slow peer before more of it is dropped: soft state, the next advert says it again. */
export const MAX_GOSSIP_BUFFER_BYTES = 1_048_576;

/** Topics a peer may make us remember: about 64; we know one for each tier. */
export const MAX_TOPIC_BYTES_PER_PEER = 65_536;

/**
 * Mesh degree of a relay, the centre of its star: D, low, high. Peers beyond it hear of adverts by gossip
 * within a few heartbeats. Sending each advert to everyone at once would grow with the square of the region.
 */
export const RELAY_MESH = { D: 32, Dlo: 16, Dhi: 64, Dscore: 4, Dout: 2 } as const;

/** Score lost per squared count of invalid messages: five adverts of garbage and a peer is no longer heard. */
export const INVALID_MESSAGE_WEIGHT = -4;

/** Share of that count left after each second. */
export const INVALID_MESSAGE_DECAY = 0.97;

/** When an advert reached nobody, because the gossip streams of a new connection are not open yet. */
export const PUBLISH_RETRY_MS = 500;

/** How often peers that fell silent are dropped from the registry, for those who listen to it. */
export const EXPIRE_INTERVAL_MS = 5_000;

/** From a newcomer's subscription, or its place in the mesh, to the roll call: one heartbeat of gossip. */
export const ROLL_CALL_DELAY_MS = 1_200;

/** Between two roll calls, and for each peer that answers one: a region of 500 is left to its regular adverts. */
export const MIN_ROLL_CALL_GAP_MS = 2_500;
export const ROLL_CALL_MS_PER_PEER = 20;
