import type { Clock } from '../../clock.ts';
import { ADVERT_INTERVAL_MS } from '../../membership/advert.ts';
import { encodeMessage } from '../../wire/codec.ts';
import { MIN_ROLL_CALL_GAP_MS, ROLL_CALL_DELAY_MS, ROLL_CALL_MS_PER_PEER } from './constants.ts';

/**
 * What a relay says on the membership topic when somebody joined: who hears it from their own relay announces
 * themselves, so that the newcomer knows them at once and not only at their next advert.
 */
const ROLL_CALL = encodeMessage({ v: 1, rollCall: true });

export const isRollCall = (bytes: Uint8Array): boolean =>
  bytes.byteLength === ROLL_CALL.byteLength && bytes.every((byte, index) => byte === ROLL_CALL[index]);

export interface RollCallComponents {
  readonly clock: Clock;
  /** Peers that will answer. */
  peers(): number;
  publish(message: Uint8Array): Promise<unknown>;
}

/** Calls the roll for newcomers: several at once are one call, and a large region waits for its adverts. */
export interface RollCall {
  /** Somebody joined. */
  wanted(): void;
  /** Until the signal is aborted, which rejects. */
  run(signal: AbortSignal): Promise<never>;
}

export function createRollCall({ clock, peers, publish }: RollCallComponents): RollCall {
  let joined = Promise.withResolvers<void>();
  return {
    wanted: () => joined.resolve(),
    async run(signal) {
      for (;;) {
        await joined.promise;
        await clock.sleep(ROLL_CALL_DELAY_MS, signal);
        joined = Promise.withResolvers();
        const gapMs = Math.max(MIN_ROLL_CALL_GAP_MS, peers() * ROLL_CALL_MS_PER_PEER);
        if (gapMs >= ADVERT_INTERVAL_MS) continue;
        await publish(ROLL_CALL);
        await clock.sleep(gapMs, signal);
      }
    },
  };
}
