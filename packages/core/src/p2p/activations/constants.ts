import { MAX_SESSIONS } from '../../inference/constants.ts';

/**
 * Streams of activations one neighbour may have open towards us: a way per session, and those that are about to be
 * refused.
 */
export const MAX_INBOUND_STREAMS = MAX_SESSIONS;

/** Streams of activations we may have open towards one neighbour. */
export const MAX_OUTBOUND_STREAMS = MAX_SESSIONS;
