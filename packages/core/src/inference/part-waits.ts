import {
  GENERATOR_SILENCE_TIMEOUT_MS,
  NEIGHBOUR_PREFILL_IN_ALL_MS,
  NEIGHBOUR_PREFILL_TIMEOUT_MS,
  NEIGHBOUR_TOKEN_TIMEOUT_MS,
} from './constants.ts';
import { EngineSilentError, NextStageLostError, PreviousStageLostError } from './errors.ts';
import { HEARTBEAT_MS } from './generator.ts';

/** Whose turn it is in a session of a chain, as one stage sees it. The coordinator's turns have bounds of their own. */
export type WaitsFor = 'engine' | 'previous' | 'next' | 'coordinator';

/** How long a stage has waited for its engine and its neighbours, and how long it may. Counts in heartbeats. */
export class PartWaits {
  #waitsFor: WaitsFor = 'coordinator';
  #waitedMs = 0;
  #prefillLeftMs = NEIGHBOUR_PREFILL_IN_ALL_MS;

  /** Notes that something came or went. */
  moved(): void {
    this.#waitedMs = 0;
  }

  /**
   * Notes a heartbeat in which nothing moved.
   *
   * @throws `engine_failed`, `previous_stage_lost` or `next_stage_lost` where that was one too many
   */
  beat(waitsFor: WaitsFor, inPrefill: boolean): void {
    if (waitsFor !== this.#waitsFor) this.#waitedMs = 0;
    this.#waitsFor = waitsFor;
    this.#waitedMs += HEARTBEAT_MS;
    if (waitsFor === 'coordinator') return;
    if (waitsFor === 'engine') {
      if (this.#waitedMs >= GENERATOR_SILENCE_TIMEOUT_MS) throw new EngineSilentError();
      return;
    }
    if (inPrefill) this.#prefillLeftMs -= HEARTBEAT_MS;
    const mostMs = inPrefill ? NEIGHBOUR_PREFILL_TIMEOUT_MS : NEIGHBOUR_TOKEN_TIMEOUT_MS;
    if (this.#waitedMs < mostMs && this.#prefillLeftMs > 0) return;
    throw waitsFor === 'next' ? new NextStageLostError() : new PreviousStageLostError();
  }
}
