/** Streams on which one peer may get weights from here: one per model it loads, and one that is about to end. */
export const MAX_INBOUND_STREAMS = 4;

/** Streams on which this device may get weights from one peer. */
export const MAX_OUTBOUND_STREAMS = 4;
