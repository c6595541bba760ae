/** Memory that an engine needs beside weights and cache: its scratch and code. */
export const DEFAULT_ENGINE_ROOM_BYTES = 64 * 2 ** 20;

/**
 * How many times better the swarm's weakest layer must get before a peer moves: a move costs a download, and
 * Petals waits for a third as well (balance quality 0.75).
 */
export const MOVE_GAIN_FACTOR = 4 / 3;
