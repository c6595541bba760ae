import type { Clock } from '../clock.ts';
import type { ByteChannel } from '../wire/byte-channel.ts';
import { withDeadline } from '../wire/deadline.ts';
import { raceAbort } from '../wire/race-abort.ts';
import { LEAVE_GRACE_MS } from './constants.ts';
import { SessionCancelledError } from './errors.ts';

/**
 * Says the last word if there is one, ends in order, and resets what does not end soon: a stream lives until both
 * sides have ended it. Never rejects.
 */
export async function endChannel(
  channel: Pick<ByteChannel, 'ended' | 'close' | 'abort'>,
  clock: Clock,
  sayLast?: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const reset = new SessionCancelledError();
  try {
    await withDeadline({ clock, ms: LEAVE_GRACE_MS, error: () => reset }, async (signal) => {
      await sayLast?.(signal);
      await channel.close({ signal });
      if (!channel.ended.aborted) await raceAbort(aborted(channel.ended), signal);
    });
  } catch {
    // the stream is gone or does not end in time: the reset below is all that is left to do
  } finally {
    channel.abort(reset);
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
