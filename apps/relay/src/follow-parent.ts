/**
 * Preloaded into a contributor that a relay started (`node --import`): when the relay is gone, however it
 * ended, the contributor ends too instead of looking for it for ever.
 */
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
