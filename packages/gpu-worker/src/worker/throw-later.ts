/**
 * Ends the worker with `error` once what it has said is on its way: as an uncaught error it reaches the
 * other side as a lost worker, and an engine whose memory may be in any state computes nothing more.
 */
export const throwLater = (error: unknown): void => {
  setTimeout(() => {
    throw error;
  }, 0);
};
