import type { ContributorSnapshot, Recovery, WireError } from '@opengateway/core';
import { formatPlural, formatRate } from '../../format/numbers.ts';
import { formatEstimate } from '../../format/time.ts';
import type { Hold } from '../../state/holds.ts';

/** Why lending stopped, and what next. */
export function errorWords(error: WireError): string {
  switch (error.code) {
    case 'another_tab_lends':
      return 'Another tab of this browser lends this device. One is enough: two would share the same processor.';
    case 'device_lost':
      return 'The graphics device was lost (the system took it back).';
    case 'chunk_hash_mismatch':
      return `A piece of the weights is not what it should be, so it was not used. ${error.message}`;
    case 'source_unavailable':
      return `The weights could not be fetched. ${error.message} What has arrived is kept.`;
    case 'unsupported_model':
      return `This version cannot run the model. ${error.message}`;
    default:
      return error.message;
  }
}

/** `The graphics device was lost (the system took it back). Starting again in 3 s.` */
export function restartWords({ failure, nextAtMs }: Recovery, nowMs: number): string {
  const leftMs = (nextAtMs ?? nowMs) - nowMs;
  return `${errorWords(failure)} ${leftMs > 0 ? `Starting again in ${formatEstimate(leftMs)}` : 'Starting again'}; your chats are safe.`;
}

const HOLD_WORDS: Readonly<Record<Hold, string>> = {
  battery: 'the device runs on its battery',
  busy: 'the device is busy with something else',
  hours: 'it is outside of your hours',
};

/** What another tab that lends is doing. */
export function elsewhereWords(there: ContributorSnapshot): string {
  const model = there.model?.name ?? 'a model';
  switch (there.state) {
    case 'serving': {
      const doing = there.requestsNow > 0 ? `answering at ${formatRate(there.tokensPerSecond)} tokens/s` : 'ready';
      return `Another tab of this browser lends this device: ${model}, ${doing}, ${formatPlural(there.requestsServed, 'request')} answered.`;
    }
    case 'paused':
      return `Another tab of this browser lends this device: ${model}, paused.`;
    case 'error':
      return `Another tab of this browser lends this device, and is starting again after a failure.`;
    default:
      return `Another tab of this browser is getting ready to lend this device: ${model}.`;
  }
}

/** What the tab does now, in one sentence; no requests is good news too. */
export function activityWords(snapshot: ContributorSnapshot, nowMs: number, holds: readonly Hold[] = []): string {
  if (snapshot.state === 'paused') {
    const why = holds.length === 0 ? '' : ` because ${holds.map((hold) => HOLD_WORDS[hold]).join(' and ')}`;
    return `Paused${why}. The model stays in memory; no new requests are taken.`;
  }
  if (!snapshot.relayConnected) return 'The relay is out of reach, so no requests can come. Reconnecting.';
  if (snapshot.requestsNow > 0) {
    return snapshot.requestsQueued > 0 ? `Answering, ${snapshot.requestsQueued} waiting.` : 'Answering.';
  }
  const since = snapshot.lastRequestMs ?? snapshot.sinceMs;
  return snapshot.lastRequestMs === null
    ? 'Serving and ready. No request has come yet.'
    : `Serving, no requests in the last ${formatEstimate(Math.max(1000, nowMs - since))}. Ready for the next.`;
}
