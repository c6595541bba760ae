import { errorCode, toWire } from '../errors.ts';
import { raceAbort } from '../wire/race-abort.ts';
import { SessionCancelledError, SessionLostError } from './errors.ts';
import type { Generator } from './generator.ts';
import { errorMessage } from './messages.ts';
import type { SessionRequest, StageEvent, StageSession } from './stage-session.ts';

/** A session on this very device: the same events as over the network, with nothing in between. */
export function openLocalSession(
  generator: Generator,
  request: SessionRequest,
  { signal }: { signal: AbortSignal },
): StageSession {
  const stop = new AbortController();
  const close = () => {
    signal.removeEventListener('abort', close);
    stop.abort(signal.aborted ? signal.reason : new SessionCancelledError());
    iterator.return?.().catch(() => {}); // a generator in the middle of a step settles when it can
  };
  const iterator = generator.generate(request, { signal: stop.signal })[Symbol.asyncIterator]();
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });

  let accepted = false;
  let held: StageEvent | undefined;
  return {
    async next() {
      if (held !== undefined) {
        const message = held;
        held = undefined;
        return message;
      }
      try {
        const { value, done } = await raceAbort(iterator.next(), stop.signal);
        if (done === true) throw new SessionLostError('The engine ended without an end.');
        if (accepted) return value;
        accepted = true;
        held = value;
        return { type: 'accepted' };
      } catch (error) {
        if (stop.signal.aborted || errorCode(error) === 'session_lost') throw error;
        return errorMessage(toWire(error));
      }
    },
    finish() {},
    close,
  };
}
