import type { ContributorSnapshot, WireError } from '@opengateway/core';
import { formatEstimate } from '../../format/time.ts';

/** Why lending stopped, and what next. */
export function errorWords(error: WireError): string {
  switch (error.code) {
    case 'another_tab_lends':
      return 'Another tab of this browser lends this device. One is enough: two would share the same processor.';
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

/** What the tab does now, in one sentence; no requests is good news too. */
export function activityWords(snapshot: ContributorSnapshot, nowMs: number): string {
  if (snapshot.state === 'paused') return 'Paused. The model stays in memory; no new requests are taken.';
  if (!snapshot.relayConnected) return 'The relay is out of reach, so no requests can come. Reconnecting.';
  if (snapshot.requestsNow > 0) {
    return snapshot.requestsQueued > 0 ? `Answering, ${snapshot.requestsQueued} waiting.` : 'Answering.';
  }
  const since = snapshot.lastRequestMs ?? snapshot.sinceMs;
  return snapshot.lastRequestMs === null
    ? 'Serving and ready. No request has come yet.'
    : `Serving, no requests in the last ${formatEstimate(Math.max(1000, nowMs - since))}. Ready for the next.`;
}
