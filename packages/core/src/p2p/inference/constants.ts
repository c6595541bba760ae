import { MAX_SESSIONS_PER_PEER } from '../../inference/constants.ts';

/**
 * Inference streams one connection may have open towards us. Twice the sessions a stage runs for a peer:
 * those above its cap get a typed answer instead of a reset, those above this one do not. libp2p's default
 * of 32 is less than one busy relay needs.
 */
export const MAX_INBOUND_STREAMS = MAX_SESSIONS_PER_PEER * 2;

/** Inference streams we may have open towards one peer. */
export const MAX_OUTBOUND_STREAMS = MAX_SESSIONS_PER_PEER * 2;
