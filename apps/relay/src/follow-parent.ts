import { isMainThread } from 'node:worker_threads';

/**
 * Preloaded into a contributor that a relay started (`node --import`): when the relay is gone, however it
 * ended, the contributor ends too instead of looking for it for ever.
 */
const leave = (): void => {
  process.kill(process.pid, 'SIGTERM');
};

// Worker threads preload it too, and have no parent to follow.
if (isMainThread) {
  if (process.connected) process.once('disconnect', leave);
  else leave();
}
// The channel alone is no reason to stay.
process.channel?.unref();
