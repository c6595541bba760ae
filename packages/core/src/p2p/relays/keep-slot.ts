import type { PeerId } from '@libp2p/interface';
import type { Clock } from '../../clock.ts';
import type { StructuredLogger } from '../../inference/logger.ts';
import type { ChosenRelays } from '../chosen-relays.ts';
import { peerName } from '../peer-name.ts';
import { SLOT_CHECK_INTERVAL_MS } from './constants.ts';
import { reconnectDelayMs } from './reconnect-delay.ts';

export interface KeepSlotComponents {
  readonly chosenRelays: Pick<ChosenRelays, 'hasSlot' | 'requestSlot'>;
  readonly clock: Clock;
  random(): number;
  readonly logger?: StructuredLogger | undefined;
}

/**
 * Asks a linked relay for a slot until it gives one, and again where that is lost, until `signal` aborts. libp2p asks
 * once only.
 */
export async function keepSlot(
  { chosenRelays, clock, random, logger }: KeepSlotComponents,
  relay: PeerId,
  signal: AbortSignal,
): Promise<void> {
  let refusals = 0;
  while (!signal.aborted) {
    try {
      if (!chosenRelays.hasSlot(relay)) await chosenRelays.requestSlot(relay);
      refusals = 0;
    } catch (error) {
      // Full, busy, or going: it may have room later.
      logger?.debug({ relay: peerName(relay), message: String(error) }, 'no slot at a relay');
      refusals += 1;
    }
    const ms = refusals === 0 ? SLOT_CHECK_INTERVAL_MS : reconnectDelayMs(refusals, random());
    await clock.sleep(ms, signal).catch(() => {}); // the link has ended
  }
}
