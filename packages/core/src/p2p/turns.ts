import { raceAbort } from '../wire/race-abort.ts';

export interface TurnsInit {
  /** Pieces of work that run at once. */
  readonly atOnce: number;
  /** Pieces that may wait. */
  readonly waiting: number;
}

/** Lets a bounded number of pieces of work run at once; the others wait, first come, first served. */
export interface Turns {
  /** Runs `work` in its turn. @throws what `refused` makes where too many wait, or the signal's reason */
  take<Value>(work: () => Promise<Value>, options: { signal: AbortSignal; refused(): Error }): Promise<Value>;
}

export function createTurns({ atOnce, waiting }: TurnsInit): Turns {
  let running = 0;
  const line: (() => void)[] = [];

  const begin = async (signal: AbortSignal, refused: () => Error) => {
    signal.throwIfAborted();
    if (running < atOnce) {
      running += 1;
      return;
    }
    if (line.length >= waiting) throw refused();
    const turn = Promise.withResolvers<void>();
    line.push(turn.resolve);
    try {
      await raceAbort(turn.promise, signal);
    } catch (error) {
      const place = line.indexOf(turn.resolve);
      // The turn came in the very moment in which nobody wanted it any more: it goes to the next.
      if (place === -1) end();
      else line.splice(place, 1);
      throw error;
    }
  };
  const end = () => {
    const next = line.shift();
    if (next === undefined) running -= 1;
    else next();
  };

  return {
    async take(work, { signal, refused }) {
      await begin(signal, refused);
      try {
        return await work();
      } finally {
        end();
      }
    },
  };
}
