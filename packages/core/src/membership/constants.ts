/** Peers remembered: a region far larger than one relay serves, in about 2 MB. */
export const MAX_PEERS = 2_048;

/** Adverts a peer may send at once, and how fast that allowance comes back; a living one sends on change. */
export const ADVERT_BURST = 8;
export const ADVERT_REFILL_MS = 250;

/** Departed peers remembered for `ADVERT_TTL_MS`, so that a late copy of an old advert does not revive them. */
export const MAX_DEPARTED_PEERS = 2_048;

/** Least time between two adverts of this node: several changes in a row are one advert. */
export const MIN_ADVERT_GAP_MS = 300;
