import { formatCount, formatPlural, formatRate } from '../../format/numbers.ts';
import { shortPeer } from '../../format/names.ts';
import { gapWords } from '../../format/layers.ts';
import { formatEstimate, formatMilliseconds, formatRoundTrip, formatSpan } from '../../format/time.ts';
import type { HopReport } from '@opengateway/core';
import type { Waiting } from '../../state/answer-writer.ts';
import type { AnswerReport, StoredFailure } from '../../storage/schema.ts';

/** What an answer is waiting for; `begun`: some of its text is there. */
export function waitingWords(waiting: Waiting | null, begun = false): string {
  if (waiting === null) return 'Being written in another tab';
  if (waiting.state === 'queued' && begun) return 'A peer was lost; waiting for another to go on';
  if (waiting.state === 'joining') return 'Joining the network';
  if (waiting.state === 'listening') {
    const gaps = waiting.missing ?? [];
    const found = gaps.length === 0 ? '' : `: nobody heard so far serves ${gapWords(gaps)}`;
    return `Hearing who serves this model, up to 10 s${found}`;
  }
  if (waiting.state === 'preparing') return 'Fetching the model’s vocabulary';
  if (waiting.state === 'connecting') return 'Connecting to the peers';
  if (waiting.state === 'queued') return waiting.done > 0 ? `Queued, ${formatCount(waiting.done)} ahead` : 'Queued';
  if (waiting.state === 'prefill' && waiting.total > 0) {
    return `Reading the question: ${formatCount(waiting.done)} of ${formatCount(waiting.total)} tokens`;
  }
  return 'Asking';
}

/** A refusal or failure for a person: why, and what next. */
export function failureWords(error: StoredFailure): { text: string; wantsKey: boolean } {
  const wantsKey = error.code === 'invalid_api_key' || error.code === 'http_401';
  switch (error.code) {
    case 'relay_unreachable':
      return {
        text: 'The relay cannot be reached, so nothing was sent. Your question is kept; ask again when it is back.',
        wantsKey,
      };
    case 'answer_cut':
      return {
        text: 'The connection to the relay broke off in mid-answer. What came is kept; continue or ask again.',
        wantsKey,
      };
    case 'context_length_exceeded':
      return {
        text: 'This chat has grown longer than the model can read. Start a new one, or edit an earlier question.',
        wantsKey,
      };
    case 'no_route':
    case 'model_not_ready':
      return {
        text: `${sentence(error.message)} You can lend this device on the Contribute page, or ask again in a minute.`,
        wantsKey,
      };
    case 'route_lost':
      return { text: `${error.message} What came is kept; continue or ask again.`, wantsKey };
    case 'join_timeout':
      return {
        text: `${error.message} Ask again, or choose “Through the relay” in the options of this chat.`,
        wantsKey,
      };
    case 'other_region':
      return {
        // The page names those relays itself, as links.
        text: `${error.message.replace(/ Relays there: .*$/, '')} Choose “Direct” in the options of this chat to ask the peers there, or open a relay there.`,
        wantsKey,
      };
    case 'capacity': {
      const { retryAfterSeconds } = error;
      const when = retryAfterSeconds ? `about ${formatEstimate(retryAfterSeconds * 1000)}` : 'a few seconds';
      return {
        text: `All who serve this model are full, and so is the line before them. Ask again in ${when}.`,
        wantsKey,
      };
    }
    case 'invalid_api_key':
    case 'http_401':
      return { text: 'This relay answers only with an API key.', wantsKey };
    default:
      return { text: error.message, wantsKey };
  }
}

/**
 * A refusal of the relay in the page's own words: which region it speaks of, the model by its name, and without the
 * list of what is served there where the page offers that itself.
 */
export function refusalWords(
  text: string,
  { model, name, region, offersReady }: { model: string; name: string; region: string; offersReady: boolean },
): string {
  const own = text.replace(`Nobody serves ${model} now.`, () => `Nobody in ${region} serves ${name} now.`);
  return offersReady ? own.replace(/ ?Served here now: .*?\.(?=\s|$)/, '') : own;
}

/** With a full stop where it ends with an address. */
const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** Tokens per second of the writing alone, or null where it cannot be told. */
export function writingRate(report: AnswerReport): number | null {
  const { completionTokens, firstTextMs, lastTextMs = report.totalMs } = report;
  if (completionTokens === null || firstTextMs === null || lastTextMs === null) return null;
  const ms = lastTextMs - firstTextMs;
  return completionTokens > 1 && ms > 0 ? ((completionTokens - 1) / ms) * 1000 : null;
}

/** By whom, in one phrase. */
export function byWords({ by, stages, here }: AnswerReport): string {
  if (by === 'device') return 'on this device';
  if (stages.length > 1) {
    const own = stages.some(({ peer }) => peer === here) ? ', this tab among them' : '';
    return `by a chain of ${stages.length} peers${own}`;
  }
  const peer = stages[0]?.peer;
  if (peer === undefined) return by === 'direct' ? 'by nobody' : 'through the relay';
  return `by peer ${shortPeer(peer)}`;
}

/** Which way the question went, and who could read it. */
export function readerWords({ by, stages }: AnswerReport): string {
  if (by === 'device') return 'not over the network: nobody else saw it';
  const peers = stages.length > 1 ? 'the peers' : 'the peer';
  return by === 'direct'
    ? `from this tab to ${peers}, encrypted: ${peers} could read it, the relay could not`
    : `through the relay: it and ${peers} could read it`;
}

/** How a stage of a chain reaches the next; the last one sends the chosen token back to the first. */
export function wayWords({ direct, rttMs }: HopReport, index: number, stages: number): string {
  const where = index === stages - 1 ? 'back to stage 1' : `to stage ${index + 2}`;
  return `${where}: ${direct ? 'direct' : 'through the relay'}, ${formatRoundTrip(rttMs)} there and back`;
}

/** Where the time of a token went; null where nothing is known of it. */
export function perTokenWords(
  { totalComputeMs, measuredMs }: { totalComputeMs: number | null; measuredMs: number | null },
  failedOver: boolean,
): string | null {
  const computing =
    totalComputeMs === null ? null : `${formatMilliseconds(totalComputeMs)} computing, all stages together`;
  if (measuredMs === null) return computing;
  const measured = `${formatMilliseconds(measuredMs)} (measured here)`;
  if (computing === null || totalComputeMs === null) return measured;
  const leftMs = measuredMs - totalComputeMs;
  if (leftMs < 0) return `${measured}; ${computing}`;
  return `${measured}: ${computing}, and ${formatMilliseconds(leftMs)} between them${failedOver ? ', the failover included' : ''}`;
}

/** The line under an answer, as its parts. */
export function reportWords(report: AnswerReport): string[] {
  const rate = writingRate(report);
  return [
    report.completionTokens === null ? null : formatPlural(report.completionTokens, 'token'),
    report.firstTextMs === null ? null : `first word after ${formatSpan(report.firstTextMs)}`,
    rate === null ? null : `${formatRate(rate)} tokens/s`,
    byWords(report),
  ].filter((part) => part !== null);
}
